// Shows the published description of the interface. Text is only ever set as text: nothing in it becomes markup.

const VERBS = ["get", "post", "put", "delete"];

/** Makes an element; `children` are elements or texts. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The schema behind a reference. */
function resolve(document_, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : schema;
}

/** A schema's type in a few words. */
function kind(document_, schema) {
  const name = schema?.$ref?.split("/").pop();
  if (name) return name;
  if (!schema) return "anything";
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const many = schema.oneOf ?? schema.anyOf;
  if (many) return many.map((one) => kind(document_, one)).join(" | ");
  if (schema.type === "array") return `list of ${kind(document_, schema.items)}`;
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "anything";
}

function row(name, type, what, required) {
  return make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, type), make("td", {}, required ? "yes" : ""), make("td", {}, what ?? ""));
}

function table(rows) {
  const head = make("tr", {}, ...["name", "type", "required", ""].map((text) => make("th", {}, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

/** The fields of an object schema, one level deep; references are named and shown by a table of their own. */
function fields(document_, schema, seen = new Set()) {
  const whole = resolve(document_, schema);
  const parts = [];
  const rows = Object.entries(whole?.properties ?? {}).map(([name, field]) =>
    row(name, kind(document_, field), field.description, whole.required?.includes(name)));
  parts.push(rows.length ? table(rows) : make("p", {}, kind(document_, whole)));
  for (const field of Object.values(whole?.properties ?? {})) {
    const inner = field.$ref ?? field.items?.$ref;
    if (inner && !seen.has(inner)) {
      seen.add(inner);
      parts.push(make("h3", {}, inner.split("/").pop()), ...fields(document_, { $ref: inner }, seen));
    }
  }
  return parts;
}

function operation(document_, path, verb, told) {
  const facts = [["permission", told["x-permission"]], ["level", told["x-level"]], ["rate limit", told["x-rate-limit"]], ["audited", told["x-audited"] ? "yes" : "no"]];
  const body = make("div", { class: "body" }, make("ul", { class: "facts" }, ...facts.map(([name, value]) => make("li", {}, `${name}: ${value}`))));
  if (told.parameters?.length) {
    body.append(make("h3", {}, "Values"), table(told.parameters.map((one) => row(one.name, `${one.schema.type}, in the ${one.in}`, one.description, one.required))));
  }
  const sent = told.requestBody?.content?.["application/json"]?.schema;
  if (sent) body.append(make("h3", {}, "Body"), ...fields(document_, sent));
  for (const [status, answer] of Object.entries(told.responses)) {
    const [type, content] = Object.entries(answer.content ?? {})[0] ?? [];
    if (status < "300") body.append(make("h3", {}, `Answer ${status}${type ? `, ${type}` : ""}`), ...(content ? fields(document_, content.schema) : [make("p", {}, answer.description)]));
  }
  const refused = Object.keys(told.responses).filter((status) => status >= "300").join(", ");
  if (refused) body.append(make("p", {}, `Refused with ${refused}: problem+json with a stable code, cause and cure.`));
  const words = `${verb} ${path} ${told.summary} ${told.operationId} ${told["x-permission"]}`.toLowerCase();
  const summary = make("summary", {}, make("span", { class: `verb ${verb}` }, verb.toUpperCase()), make("code", {}, path), make("span", {}, told.summary));
  return make("details", { id: told.operationId, "data-words": words }, summary, body);
}

function show(document_) {
  document.getElementById("title").textContent = `${document_.info.title} interface ${document_.info.version}`;
  document.getElementById("about").textContent = document_.info.description;
  const parts = new Map();
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const verb of VERBS.filter((one) => operations[one])) {
      const told = operations[verb];
      const tag = told.tags?.[0] ?? "other";
      if (!parts.has(tag)) parts.set(tag, []);
      parts.get(tag).push(operation(document_, path, verb, told));
    }
  }
  const sections = [...parts].map(([tag, shown]) => make("section", { id: `part-${tag}` }, make("h2", {}, tag), ...shown));
  document.getElementById("operations").replaceChildren(...sections);
  document.getElementById("tags").replaceChildren(...[...parts.keys()].map((tag) => make("a", { href: `#part-${tag}` }, tag)));
}

function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of document.querySelectorAll("details")) one.hidden = !words.every((word) => one.dataset.words.includes(word));
  for (const part of document.querySelectorAll("section")) part.hidden = !part.querySelector("details:not([hidden])");
}

try {
  const answer = await fetch(document.getElementById("file").href, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  show(await answer.json());
  document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
  if (location.hash) document.querySelector(location.hash)?.setAttribute("open", "");
} catch (error) {
  document.getElementById("operations").replaceChildren(make("p", {}, `The description cannot be shown: ${error.message}. Load the page again.`));
}
