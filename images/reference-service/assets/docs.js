// Shows /openapi.json. Text is set as text, never as markup.
"use strict";

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function section(title, value) {
  const node = element("section");
  node.append(element("h3", title), element("pre", JSON.stringify(value, null, 2)));
  return node;
}

function operation(path, method, { summary, parameters, requestBody, responses }) {
  const node = element("details");
  const head = element("summary");
  head.append(element("span", method, "method"), element("code", path), ` ${summary ?? ""}`);
  node.append(head);
  if (parameters) node.append(section("Parameters", parameters));
  if (requestBody) node.append(section("Body", requestBody));
  if (responses) node.append(section("Responses", responses));
  return node;
}

function show(api) {
  const title = `${api.info.title} ${api.info.version}`;
  document.title = title;
  document.getElementById("title").textContent = title;
  const byTag = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, details] of Object.entries(methods)) {
      const tag = details.tags?.[0] ?? "other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), operation(path, method, details)]);
    }
  }
  const groups = [...byTag].map(([tag, operations]) => {
    const group = element("section");
    group.append(element("h2", tag), ...operations);
    return group;
  });
  document.getElementById("operations").replaceChildren(...groups);
}

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${answer.status}`))))
  .then(show)
  .catch((error) => {
    document.getElementById("operations").textContent = `openapi.json: ${error.message}`;
  });
