// An OpenAI-compatible server around a real small model: node server.mjs MODEL.gguf PORT
//
// It proves what a scripted server can't: that the application's prompt passes through a real chat
// template and tokenizer, and that real tokens, stop marks and usage come back as the client expects.

import { createServer } from "node:http";
import { getLlama, LlamaChat } from "node-llama-cpp";

const [path, port] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", progressLogs: false });
const model = await llama.loadModel({ modelPath: path });
// One thread: several wait for each other by spinning, which on a busy machine takes minutes.
const context = await model.createContext({ contextSize: 4096, threads: 1 });
const sequence = context.getSequence();

// One sequence: requests are answered one after the other.
let queue = Promise.resolve();

createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
    response.writeHead(404).end();
    return;
  }
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = JSON.parse(Buffer.concat(pieces).toString());
  const left = new AbortController();
  response.on("close", () => left.abort());
  queue = queue.then(() => answer(body, response, left.signal)).catch((error) => {
    if (!left.signal.aborted) console.error(error);
    response.destroy();
  });
}).listen(Number(port), "127.0.0.1");

async function answer(body, response, signal) {
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  const choice = (delta, finish_reason = null) => ({ choices: [{ index: 0, delta, finish_reason }] });
  await sequence.clearHistory();
  const before = sequence.tokenMeter.getState();
  const chat = new LlamaChat({ contextSequence: sequence });
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  send(choice({ role: "assistant", content: "" }));
  const { metadata } = await chat.generateResponse(history(body.messages), {
    maxTokens: body.max_tokens,
    temperature: body.temperature,
    signal,
    onTextChunk: (text) => send(choice({ content: text })),
  });
  chat.dispose({ disposeSequence: false });
  const used = sequence.tokenMeter.diff(before);
  send(choice({}, metadata.stopReason === "maxTokens" ? "length" : "stop"));
  if (body.stream_options?.include_usage) {
    send({ choices: [], usage: { prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens } });
  }
  response.end("data: [DONE]\n\n");
}

function history(messages) {
  const types = { system: "system", user: "user", assistant: "model" };
  return [...messages, { role: "assistant", content: "" }].map(({ role, content }) =>
    role === "assistant" ? { type: "model", response: content ? [content] : [] } : { type: types[role], text: content },
  );
}
