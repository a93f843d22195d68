// Asks a gateway with the official OpenAI client for JavaScript; prints one JSON object with what it heard.
// node ask.mjs <base URL> <key>
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "I was charged twice" }];

async function raised(work) {
  try {
    await work();
    return "nothing";
  } catch (error) {
    return `${error.constructor.name} ${error.status ?? ""} ${error.code ?? ""}`;
  }
}

async function streamed(model) {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const heard = { text: "", models: [], usage: null };
  for await (const chunk of stream) {
    heard.text += chunk.choices[0]?.delta?.content ?? "";
    heard.models.push(chunk.model);
    heard.usage = chunk.usage ?? heard.usage;
  }
  return heard;
}

const { data, response, request_id } = await client.chat.completions
  .create({ model: "tickets", messages })
  .withResponse();
const words = await streamed("words");
const spoken = await client.responses
  .stream({ model: "words", input: "I was charged twice" })
  .finalResponse();
const listed = [];
for await (const model of client.models.list()) listed.push(model.id);
const schema = { type: "object", properties: { charges: { type: "integer" } } };
const fields = await client.chat.completions.parse({
  model: "fields",
  messages,
  response_format: { type: "json_schema", json_schema: { name: "charge", schema } },
});

const { data: queued, response: accepted } = await client.chat.completions
  .create({ model: "people", messages })
  .withResponse();
const queuedStream = await streamed("people");

console.log(
  JSON.stringify({
    text: data.choices[0].message.content,
    tier: response.headers.get("x-suffice-tier"),
    hasId: request_id === response.headers.get("x-request-id"),
    words: words.text,
    spoken: spoken.output_text,
    models: [...new Set(words.models)],
    total: words.usage.total_tokens,
    listed: listed.includes("tickets"),
    fields: JSON.parse(fields.choices[0].message.content),
    queued: [accepted.status, queued.choices[0].finish_reason, queued.choices[0].message.refusal],
    queuedStream: [queuedStream.text, queuedStream.usage.completion_tokens],
    queuedFields: await raised(() =>
      client.chat.completions.parse({
        model: "people",
        messages,
        response_format: { type: "json_schema", json_schema: { name: "charge", schema } },
      }),
    ),
    unknown: await raised(() => client.chat.completions.create({ model: "nothing", messages })),
    limited: await raised(() => client.chat.completions.create({ model: "limited", messages })),
    broken: await raised(() => streamed("breaks")),
  }),
);
