"""Pure mathematics of the proof: functions and frozen data over numpy, no files, no state.

One e-process serves every target. X is what is observed on one row, the bar is what H0 says its
mean does not exceed, and a bet is certified when its e-value reaches 1/alpha:

    target                  X of one row                                H0             bets
    absolute, at least q    1{right}                                    E[X] <= q      bernoulli_bets(q)
    agreement, at most eps  1{same answer as the reference}             E[X] <= 1-eps  agreement_bets(eps)
    non-inferior, margin    D = 1{right} - 1{reference right}           E[D] <= -eps   paired_bets(eps)
    the same, two stages    D on random rows whose outputs differ       see two_stage  UnlabelledPairs(...)
    cascade, margin         D where kept, 0 where escalated             E[D] <= -eps   paired_bets, or exact
    absolute with a judge   1{right} - s judge + s mean judge           E[X] <= q      JudgePlan(bar=q)

One candidate, row by row (`betting`, `mixtures`):

    wealth = Wealth(bets=bernoulli_bets(0.9, design_gap=0.03), log_threshold=math.log(1 / 0.05))
    wealth = wealth.update(right)            # a block of 0/1; again and again
    wealth.crossed, wealth.crossed_at, wealth.log_e_max, wealth.p_value
    more_observations(wealth, mean=right.mean(), variance=right.var())     # "label about N more"
    klinf([0, 1], [1 - p, p], bar)           # `bounds`: lower_bound_n(...), ratio_to_bound(...)

Non-inferiority with the fewest labels (`paired`): bound the disagreement without labels, then bet:

    stage = two_stage(1_940, 20_000, margin=0.02, alpha=0.05)    # outputs differ in 1,940 pairs
    stage.needs_no_label                     # True where d_U <= margin
    wealth = stage.start().update(differences_of_random_disagreements)

The ladder under one alpha (`ladder`; `ladder_order.choose_order` is `auto`):

    claims = [Hypothesis(name=n, claim=paired_bets(0.02, disagreement=d)) for n, d in cheapest_first]
    plan = LadderPlan(alpha=0.05, order="ascending", max_n=5_000)
    result = climb(claims, draw, plan=plan)  # draw(i, start, stop) -> the next observations
    result.chosen, [(o.name, o.verdict, o.n, o.e_value) for o in result.outcomes]

The thresholds of one cascade (`thresholds`), one look at a fixed n, or bets for any n:

    grid = threshold_grid(dev_scores, steps=40)
    outcomes = system_outcomes(scores, grid, kept=differences)
    certify_fixed_n(outcomes, bar=-0.02, low=-1, alpha=0.05).chosen        # index into the grid
    certify_anytime(outcomes, bets=[paired_bets(0.02, disagreement=d) for d in dev_rates], alpha=0.05)

One budget (`budget`): `candidate_weights(k)` shares alpha over candidates or cascades,
`look_alpha(alpha, k)` over looks at the same rows. Never a bound of `intervals` other than
`betting` on rows that are looked at more than once.

Also: `intervals` (Clopper-Pearson, Wilson, Tango, betting), `paired_exact`, `rates` (macro-F1,
recall at a false-alarm rate), `prediction_powered`, `planning`, `calibration`, `routing`.
Import from the modules; this package re-exports nothing, so that importing it costs nothing.
"""
