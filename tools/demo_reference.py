"""The recorded answers of imaginary-large-1, which does not exist: made by rule, with systematic errors."""

import random
import re

# Which words an inattentive reader takes for which intent. The imaginary model errs towards these.
CUES = {
    "refund_status": r"refund|money back|credited|reimburs",
    "double_charge": r"charg|twice|double|debit|two times|duplicate|two payments",
    "change_address": r"address|street|moved|postcode",
    "cancel_subscription": r"cancel|terminat|renew|contract|subscri|unsubscribe|\bend\b",
    "invoice_copy": r"invoice|receipt|\bbill",
    "password_reset": r"password|log ?in|locked|sign",
    "two_factor_problem": r"code|two.factor|2fa|sms|second factor|authenticator|verification",
    "damaged_parcel": r"broke|crack|damage|scratch|dent|crushed|smashed|shatter|pieces",
    "missing_item": r"missing|not in\b|forgot|incomplete|only|wasn't in|part of",
    "delivery_delay": r"parcel|deliver|shipp|arriv|tracking|courier|package|late\b|where is my",
    "return_label": r"return|send back|sent back|exchange|label|back",
    "warranty_claim": r"months|repair|guarantee|warranty|stopped|defect|year",
    "upgrade_plan": r"plus\b|team\b|upgrad|more users|seats|bigger|larger|higher",
    "downgrade_plan": r"basic|smaller|cheap|less|reduc|downgrad|fewer|lower|remove",
    "discount_code": r"discount|code|voucher|coupon|price",
    "payment_method": r"\bcard|paypal|iban|bank|pay\b|payment",
    "data_export": r"export|download|csv|data\b|gdpr",
    "delete_account": r"delete|remove|account|erase",
    "bug_report": r"error|crash|wrong|not work|doesn't|bug|app\b|freez|broken|blank",
    "feature_question": r"is it possible|can i|does|how do|how can|where|can desk|is there|feature",
    "api_help": r"\bapi|connect|sync|integration|token|webhook|endpoint|developer",
    "order_change": r"order|change|swap|instead|wrong",
    "order_cancel": r"order|cancel|don't need|stop",
    "gift_card": r"gift|balance|voucher|card",
    "business_vat": r"company|business|vat|tax|invoice",
    "accessibility": r"screen.reader|read|text|colour|blind|disab|access|deaf|contrast|see\b|eyes|wheelchair",
    "complaint_agent": r"agent|rude|service|answer|chat|complain|staff|employee|unfriendly|manager|hotline",
    "out_of_scope": r"\b(joke|weather|lottery)\b",
}
# For each intent the ones the imaginary model confuses it with, most tempting first.
CLOSE = {
    "refund_status": ("double_charge", "return_label", "payment_method"),
    "double_charge": ("refund_status", "payment_method", "invoice_copy"),
    "change_address": ("order_change", "delivery_delay", "bug_report"),
    "cancel_subscription": ("downgrade_plan", "order_cancel", "delete_account"),
    "invoice_copy": ("business_vat", "data_export", "payment_method"),
    "password_reset": ("two_factor_problem", "bug_report", "delete_account"),
    "two_factor_problem": ("password_reset", "discount_code", "bug_report"),
    "damaged_parcel": ("warranty_claim", "missing_item", "delivery_delay"),
    "missing_item": ("delivery_delay", "damaged_parcel", "order_change"),
    "delivery_delay": ("missing_item", "change_address", "refund_status"),
    "return_label": ("order_cancel", "refund_status", "order_change"),
    "warranty_claim": ("damaged_parcel", "return_label", "bug_report"),
    "upgrade_plan": ("downgrade_plan", "feature_question", "payment_method"),
    "downgrade_plan": ("cancel_subscription", "upgrade_plan", "delete_account"),
    "discount_code": ("gift_card", "bug_report", "refund_status"),
    "payment_method": ("double_charge", "gift_card", "change_address"),
    "data_export": ("delete_account", "invoice_copy", "feature_question"),
    "delete_account": ("cancel_subscription", "data_export", "change_address"),
    "bug_report": ("feature_question", "api_help", "accessibility"),
    "feature_question": ("bug_report", "upgrade_plan", "api_help"),
    "api_help": ("bug_report", "feature_question", "data_export"),
    "order_change": ("order_cancel", "change_address", "return_label"),
    "order_cancel": ("order_change", "cancel_subscription", "return_label"),
    "gift_card": ("discount_code", "payment_method", "refund_status"),
    "business_vat": ("invoice_copy", "payment_method", "upgrade_plan"),
    "accessibility": ("bug_report", "feature_question", "password_reset"),
    "complaint_agent": ("delivery_delay", "refund_status", "out_of_scope"),
    "out_of_scope": ("complaint_agent", "feature_question", "bug_report", "delivery_delay", "payment_method"),
}
ERROR_PLAIN = 0.065  # the message has a word of its own intent and none of a close one
ERROR_TEMPTED = 0.15  # it has words of both
ERROR_OBLIQUE = 0.40  # it has no word of its own intent: said in a roundabout way
ERROR_OUTSIDE = 0.19  # out-of-scope questions it answers as if they belonged here
KEPT_FATE = 0.9  # how often a variation gets its original's answer without a second look
URGENCIES = ("low", "normal", "high")


def intent_answer(text: str, label: str, rng: random.Random) -> str:
    """Return the intent that the imaginary model gives for a hand-written message."""
    tempting = [close for close in CLOSE[label] if re.search(CUES[close], text.lower())]
    if label == "out_of_scope":
        odds = ERROR_OUTSIDE
    elif not re.search(CUES[label], text.lower()):
        odds = ERROR_OBLIQUE
    else:
        odds = ERROR_TEMPTED if tempting else ERROR_PLAIN
    draw, pick = rng.random(), rng.random()
    if draw >= odds:
        return label
    wrong = tempting or list(CLOSE[label])
    return wrong[0] if pick < 0.8 else wrong[-1]


def urgency_answer(text: str, urgency: str, rng: random.Random) -> str:
    """Return the urgency that the imaginary model gives: it trusts loud words more than a person does."""
    loud = bool(re.search(r"!!|today|tomorrow|urgent|asap|immediately|now\b|[A-Z]{5,}", text))
    at = URGENCIES.index(urgency)
    draw = rng.random()
    if loud and urgency != "high" and draw < 0.45:
        return URGENCIES[at + 1]
    if not loud and urgency == "high" and draw < 0.35:
        return "normal"
    return rng.choice(URGENCIES) if draw > 0.88 else urgency
