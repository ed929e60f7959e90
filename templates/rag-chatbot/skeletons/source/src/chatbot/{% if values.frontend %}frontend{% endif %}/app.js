// The chat page. Everything that comes from documents, models or people enters the page as text
// nodes only, never as markup.

const $ = (id) => document.getElementById(id);
const MAX_STATUS_CHECKS_A_MINUTE = 40;
const PAGE = 100; // conversations listed at once

const state = {
  about: null,
  conversation: null,
  pages: 1, // of the list of conversations
  answering: null, // the AbortController of the answer being streamed
  documents: [],
  uploads: new Map(),
  timer: null,
};

// ---- Small helpers ---------------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
  const { className, ...attributes } = properties;
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function notify(message) {
  const notice = element("div", { className: "notice" }, element("p", {}, message));
  notice.append(
    element("button", { type: "button", className: "quiet", onclick: () => notice.remove() }, "Dismiss"),
  );
  $("notices").append(notice);
  while ($("notices").children.length > 3) $("notices").firstChild.remove();
}

const announce = (message) => { $("status").textContent = message; };

function readable(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${Number((bytes / 1024 / 1024).toFixed(1))} MB`;
}

// ---- Talking to the application --------------------------------------------------------------

class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

function authorization() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function explain(response) {
  let message = `The request failed with status ${response.status}.`;
  try {
    message = sentence((await response.json()).error.message);
  } catch {
    // A proxy in between answered with something else; the status is all there is to say.
  }
  if (response.status === 401) signIn(sessionStorage.getItem("token") ? message : "");
  return new ApiError(message, response.status);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

async function api(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...authorization(), ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The application cannot be reached. Check your connection and try again.");
  }
  if (!response.ok) throw await explain(response);
  return response;
}

const json = async (path, options) => (await api(path, options)).json();

// ---- Sign-in ---------------------------------------------------------------------------------

function signIn(message) {
  if (state.about?.authentication !== "token") {
    if (message) notify(message);
    return;
  }
  $("signin-error").textContent = message;
  if (!$("signin").open) $("signin").showModal();
}

$("signin").addEventListener("cancel", (event) => event.preventDefault());
$("signin-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value.trim());
  try {
    await json("/api/documents?limit=1");
    $("token").value = "";
    $("signin").close();
    $("question").focus();
    await load();
  } catch (error) {
    $("signin-error").textContent = error.message;
  }
});
$("signout").addEventListener("click", () => {
  sessionStorage.removeItem("token");
  location.reload();
});

// ---- Documents -------------------------------------------------------------------------------

const STATUS = {
  uploading: "uploading",
  queued: "waiting",
  processing: "reading",
  ready: "ready",
  failed: "failed",
};

function progressOf(item) {
  if (item.status === "processing" && item.chunks_total) {
    return `${STATUS.processing}, ${Math.round((100 * item.chunks_done) / item.chunks_total)} %`;
  }
  return STATUS[item.status];
}

function documentRow(item) {
  const row = element("li", { className: `document ${item.status}` });
  row.append(
    element(
      "div",
      { className: "row" },
      element("span", { className: "name", title: item.name }, item.name),
      element("span", { className: "badge" }, progressOf(item)),
    ),
  );
  if (item.status === "processing" || item.status === "uploading") {
    const bar = element("progress", { "aria-label": `Progress of ${item.name}` });
    if (item.chunks_total) { bar.max = item.chunks_total; bar.value = item.chunks_done; }
    row.append(bar);
  }
  if (item.error) row.append(element("p", { className: "error" }, sentence(item.error)));
  if (!item.id) return row;
  const actions = element("div", { className: "actions" }, element("small", {}, readable(item.size)));
  if (item.status === "failed") {
    const retry = () => change(`/api/documents/${item.id}/retry`, "POST", `${item.name} is tried again.`);
    actions.append(element("button", { type: "button", className: "quiet", onclick: retry }, "Retry"));
  }
  const remove = () => {
    if (confirm(`Delete “${item.name}”? Answers will no longer use it.`)) {
      change(`/api/documents/${item.id}`, "DELETE", `${item.name} is deleted.`);
    }
  };
  actions.append(
    element(
      "button",
      { type: "button", className: "quiet", "aria-label": `Delete ${item.name}`, onclick: remove },
      "Delete",
    ),
  );
  row.append(actions);
  return row;
}

async function change(path, method, message) {
  try {
    await api(path, { method });
    announce(message);
  } catch (error) {
    notify(error.message);
  }
  await refresh();
}

function showDocuments() {
  const rows = [...state.uploads.values(), ...state.documents].map(documentRow);
  // Rebuilding the list would take the focus away from somebody who is about to press a button in it.
  const focused = $("documents").contains(document.activeElement) ? document.activeElement : null;
  const label = focused?.getAttribute("aria-label") ?? focused?.textContent;
  $("documents").replaceChildren(...rows);
  if (focused) {
    const again = [...$("documents").querySelectorAll("button")].find(
      (button) => (button.getAttribute("aria-label") ?? button.textContent) === label,
    );
    again?.focus();
  }
  $("no-documents").hidden = rows.length > 0;
}

async function refresh() {
  clearTimeout(state.timer);
  const before = new Map(state.documents.map((item) => [item.id, item.status]));
  try {
    state.documents = await json("/api/documents?limit=200");
  } catch (error) {
    if (!$("signin").open) notify(error.message);
    state.timer = setTimeout(refresh, 15000);
    return;
  }
  for (const item of state.documents) {
    const was = before.get(item.id);
    if (was && was !== item.status && item.status === "ready") announce(`${item.name} is ready.`);
    if (was && was !== item.status && item.status === "failed") announce(`${item.name} failed.`);
  }
  showDocuments();
  const busy = state.documents.some((item) => ["uploading", "queued", "processing"].includes(item.status));
  if (busy) state.timer = setTimeout(refresh, 60000 / MAX_STATUS_CHECKS_A_MINUTE);
}

function upload(file) {
  const limit = state.about?.upload.max_bytes;
  if (limit && file.size > limit) {
    notify(`“${file.name}” is larger than ${readable(limit)}. Split it and add the parts.`);
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const item = { name: file.name, status: "uploading", chunks_done: 0, chunks_total: file.size };
    state.uploads.set(file, item);
    const request = new XMLHttpRequest(); // fetch cannot report the progress of an upload
    const finish = async (message) => {
      state.uploads.delete(file);
      if (message) notify(`“${file.name}”: ${message}`);
      await refresh();
      resolve();
    };
    request.upload.addEventListener("progress", (event) => {
      item.chunks_done = event.loaded;
      item.chunks_total = event.total;
      showDocuments();
    });
    request.addEventListener("load", async () => {
      if (request.status < 300) return finish();
      const error = await explain(new Response(request.responseText, { status: request.status }));
      return finish(error.message);
    });
    request.addEventListener("error", () => finish("the connection broke off. Add the file again."));
    request.open("POST", "/api/documents");
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    const form = new FormData();
    form.append("file", file);
    request.send(form);
    showDocuments();
  });
}

async function uploadAll(files) {
  for (const file of files) await upload(file);
}

$("files").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  uploadAll(files);
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", over);
    if (name === "drop") uploadAll([...event.dataTransfer.files]);
  });
}

// ---- Conversations ---------------------------------------------------------------------------

// The address names the open conversation, so that it is still there after a reload.
function setConversation(id) {
  state.conversation = id;
  history.replaceState(null, "", id ? `#${id}` : location.pathname);
}

async function listConversations() {
  const conversations = [];
  while (conversations.length < state.pages * PAGE) {
    const page = await json(`/api/conversations?limit=${PAGE}&offset=${conversations.length}`);
    conversations.push(...page);
    if (page.length < PAGE) break;
  }
  $("older").hidden = conversations.length < state.pages * PAGE;
  $("conversations").replaceChildren(
    ...conversations.map((item) => {
      const open = element(
        "button",
        { type: "button", className: "quiet name", onclick: () => openConversation(item.id) },
        item.title,
      );
      if (item.id === state.conversation) open.setAttribute("aria-current", "true");
      const remove = async () => {
        await change(`/api/conversations/${item.id}`, "DELETE", "The conversation is deleted.");
        if (item.id === state.conversation) newConversation();
        await listConversations();
      };
      return element(
        "li",
        { className: "row" },
        open,
        element(
          "button",
          {
            type: "button", className: "quiet", title: "Delete this conversation",
            "aria-label": `Delete ${item.title}`, onclick: remove,
          },
          "✕",
        ),
      );
    }),
  );
}

$("older").addEventListener("click", () => {
  state.pages += 1;
  listConversations().catch((error) => notify(error.message));
});

async function openConversation(id) {
  state.answering?.abort();
  try {
    let conversation = await json(`/api/conversations/${id}`);
    if (conversation.messages.at(-1)?.role === "user") {
      // After a reload in the middle of an answer, what was said of it is being saved right now.
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      conversation = await json(`/api/conversations/${id}`);
    }
    setConversation(id);
    clearLog();
    for (const message of conversation.messages) {
      if (message.role === "user") addQuestion(message.text);
      else completeAnswer(addAnswer(), message);
    }
    if (conversation.messages.at(-1)?.role === "user") failAnswer(addAnswer(), "There is no answer. Ask again.");
    scroll();
    closeMenu();
    await listConversations();
    $("question").focus();
  } catch (error) {
    notify(error.message);
  }
}

function newConversation() {
  state.answering?.abort();
  setConversation(null);
  clearLog();
  $("welcome").hidden = false;
  closeMenu();
  $("question").focus();
  listConversations().catch((error) => notify(error.message));
}
$("new").addEventListener("click", newConversation);

// ---- Questions and answers -------------------------------------------------------------------

function clearLog() {
  for (const child of [...$("log").children]) if (child.id !== "welcome") child.remove();
  $("welcome").hidden = true;
}

function addQuestion(text) {
  $("welcome").hidden = true;
  $("log").append(
    element("article", { className: "question" }, element("h3", { className: "hidden" }, "You asked"), text),
  );
}

function addAnswer() {
  const body = element("div", { className: "text" });
  const article = element(
    "article",
    { className: "answer", "aria-busy": "true" },
    element("h3", { className: "hidden" }, "Answer"),
    body,
  );
  $("log").append(article);
  return { article, body, text: "", sources: [] };
}

// Marks such as [2] become buttons, and the few marks of Markdown that models cannot do without become
// elements; everything around them stays text.
const MARKS = /(```[^\n]*\n[\s\S]*?(?:```|$(?![\s\S]))|`[^`\n]+`|\*\*[^*\n]+\*\*|^#{1,6} [^\n]*$|(?<![A-Za-z0-9_])\[\d{1,3}\])/m;

function render(answer) {
  answer.body.replaceChildren(...formatted(answer.text, answer.sources));
}

function formatted(text, sources) {
  return text.split(MARKS).filter(Boolean).map((piece) => {
    const number = /^\[(\d+)\]$/.exec(piece)?.[1];
    const source = number && sources.find((item) => item.number === Number(number));
    if (source) return citation(source);
    if (/^```[^\n]*\n/.test(piece)) return element("pre", {}, piece.replace(/^```[^\n]*\n|\n?```$/g, ""));
    if (/^`[^`]+`$/.test(piece)) return element("code", {}, piece.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(piece)) return element("strong", {}, ...formatted(piece.slice(2, -2), sources));
    if (/^#{1,6} /.test(piece)) return element("strong", {}, piece.replace(/^#+ /, ""));
    return piece;
  });
}

function place(source) {
  return [source.page ? `page ${source.page}` : "", source.heading].filter(Boolean).join(", ");
}

function citation(source) {
  const where = [source.document_name, place(source)].filter(Boolean).join(", ");
  return element(
    "button",
    {
      type: "button",
      className: "citation",
      title: where,
      "aria-label": `Source ${source.number}: ${where}`,
      onclick: () => openPassage(source),
    },
    String(source.number),
  );
}

const HINTS = { quoted: "Quoted passages.", partial: "Stopped before its end." };

function completeAnswer(answer, message) {
  answer.text = message.text;
  answer.sources = message.sources;
  render(answer);
  answer.article.removeAttribute("aria-busy");
  if (message.notice) answer.article.append(element("p", { className: "hint" }, message.notice));
  else if (HINTS[message.mode]) answer.article.append(element("p", { className: "hint" }, HINTS[message.mode]));
  const cited = message.sources.filter((source) => source.cited);
  const shown = cited.length ? cited : message.sources;
  if (!shown.length) return;
  answer.article.append(
    element(
      "details",
      cited.length ? { open: "" } : {},
      element("summary", {}, cited.length ? "Sources" : "Passages consulted (not cited)"),
      element(
        "ul",
        { className: "sources" },
        ...shown.map((source) =>
          element("li", {}, citation(source), " ", element("span", {}, source.document_name),
            place(source) ? element("small", {}, ` ${place(source)}`) : null)),
      ),
    ),
  );
}

function failAnswer(answer, message) {
  answer.article.removeAttribute("aria-busy");
  if (!answer.text) answer.body.remove();
  following(() => answer.article.append(element("p", { className: "error" }, sentence(message))));
  announce(message);
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const lines = buffer.slice(0, end).split("\n");
      buffer = buffer.slice(end + 2);
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (name && data) yield { name, data: JSON.parse(data) };
    }
  }
}

async function ask(question) {
  addQuestion(question);
  const answer = addAnswer();
  scroll();
  busy(true);
  state.answering = new AbortController();
  let ended = false;
  try {
    const response = await api("/api/chat", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ question, conversation_id: state.conversation }),
      signal: state.answering.signal,
    });
    for await (const { name, data } of events(response)) {
      if (name === "sources") {
        answer.sources = data.sources;
        setConversation(data.conversation_id ?? state.conversation);
      }
      if (name === "token") {
        answer.text += data.text;
        following(() => render(answer));
      }
      if (name === "done") {
        ended = true;
        following(() => completeAnswer(answer, data));
        announce("The answer is complete.");
      }
      if (name === "error") {
        ended = true;
        failAnswer(answer, data.message);
      }
    }
    if (!ended) failAnswer(answer, "The answer broke off. Ask again.");
    listConversations().catch(() => {});
  } catch (error) {
    if (error.status === 404 && state.conversation) {
      setConversation(null);
      error.message = "This conversation was deleted. Ask again to begin a new one.";
    }
    failAnswer(answer, error.name === "AbortError" ? "Stopped." : error.message);
    // What was refused can be sent again, unless something else is being typed.
    if (error instanceof ApiError && !$("question").value) $("question").value = question;
    grow();
  } finally {
    state.answering = null;
    busy(false);
  }
}

function busy(is) {
  $("send").hidden = is;
  $("stop").hidden = !is;
}

// Shows what comes in below, unless somebody is reading further up.
function following(change) {
  const below = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight;
  change();
  if (below < 60) scroll();
}

function scroll() {
  $("log").scrollTop = $("log").scrollHeight;
}

function grow() {
  $("question").rows = Math.min(8, $("question").value.split("\n").length);
}

$("question").addEventListener("input", grow);
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (!question || state.answering) return;
  $("question").value = "";
  grow();
  ask(question);
});
$("stop").addEventListener("click", () => {
  state.answering?.abort();
  $("question").focus();
});

// ---- The passage behind a citation -----------------------------------------------------------

// A line that was broken only because it was long goes on; short ones, as in lists, stay.
const flowing = (text) => text.replace(/([^\n]{60,})\n(?=\S)/g, "$1 ");

async function openPassage(source) {
  try {
    const path = `/api/documents/${source.document_id}/content?passage=${source.ordinal}`;
    const content = await json(path);
    $("passage-title").textContent = content.document.name;
    $("passage-place").textContent = place(source);
    $("passage-text").replaceChildren(
      ...content.passages.map((passage) =>
        element("p", {}, passage.cited ? element("mark", {}, flowing(passage.text)) : flowing(passage.text))),
    );
    $("download").onclick = () => download(content.document);
    $("passage").showModal();
    $("passage-text").querySelector("mark")?.scrollIntoView({ block: "center" });
  } catch (error) {
    notify(error.message);
  }
}

async function download(item) {
  try {
    const blob = await (await api(`/api/documents/${item.id}/original`)).blob();
    const link = element("a", { href: URL.createObjectURL(blob), download: item.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    notify(error.message);
  }
}

// ---- Start -----------------------------------------------------------------------------------

function closeMenu() {
  document.body.classList.remove("menu");
  $("menu").setAttribute("aria-expanded", "false");
}
$("menu").addEventListener("click", () => {
  const open = document.body.classList.toggle("menu");
  $("menu").setAttribute("aria-expanded", String(open));
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenu(); });

async function load() {
  await refresh();
  if ($("signin").open) return;
  const id = /^#([0-9a-f-]{36})$/.exec(location.hash)?.[1];
  if (id) await openConversation(id);
  if (state.conversation) return;
  setConversation(null);
  await listConversations();
}

async function start() {
  try {
    state.about = await json("/api/about");
    $("description").textContent = state.about.description;
    $("model").textContent = state.about.model ? `Model: ${state.about.model}` : "No model: quoted passages";
    $("model").hidden = false;
    $("files").accept = state.about.upload.extensions.join(",");
    $("formats").textContent =
      `${state.about.upload.extensions.join(" ")} up to ${readable(state.about.upload.max_bytes)}`;
    $("signout").hidden = state.about.authentication !== "token";
    if (state.about.authentication === "token" && !sessionStorage.getItem("token")) signIn("");
    else await load();
  } catch (error) {
    notify(error.message);
  }
}

start();
