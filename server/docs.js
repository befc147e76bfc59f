// Renders openapi.json as a list of routes. Text goes in as text, never as markup.
const el = (tag, text, parent) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
};

const resolve = (api, schema) => {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.split("/").slice(1).reduce((at, key) => at[key], api);
};

const typeName = (api, schema) => {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const many = schema.anyOf || schema.oneOf;
  if (many) return many.map((one) => typeName(api, one)).join(" | ");
  if (schema.type === "array") return `list of ${typeName(api, schema.items)}`;
  return schema.type || "any";
};

const fields = (api, rows, parent) => {
  if (!rows.length) return;
  const table = el("table", undefined, parent);
  const head = el("tr", undefined, table);
  for (const title of ["field", "type", "default"]) el("th", title, head);
  for (const [name, schema, required] of rows) {
    const row = el("tr", undefined, table);
    el("code", name + (required ? " *" : ""), el("td", undefined, row));
    el("td", typeName(api, schema), row);
    el("td", schema.default === undefined || schema.default === null ? "" : JSON.stringify(schema.default), row);
  }
};

const route = (api, path, verb, about, parent) => {
  const box = el("details", undefined, parent);
  const line = el("summary", undefined, box);
  el("span", verb.toUpperCase(), line).className = "verb";
  el("code", path, line);
  el("p", about.description || about.summary, box);
  fields(api, (about.parameters || []).map((p) => [`${p.name} (${p.in})`, p.schema, p.required]), box);
  const body = about.requestBody && about.requestBody.content["application/json"];
  if (body) {
    const schema = resolve(api, body.schema);
    const required = new Set(schema.required || []);
    fields(api, Object.entries(schema.properties || {}).map(([n, s]) => [n, s, required.has(n)]), box);
  }
};

const show = async () => {
  document.getElementById("base").textContent = new URL("v1", location.href).href;
  const api = await (await fetch("openapi.json")).json();
  const main = document.getElementById("routes");
  main.textContent = "";
  const groups = new Map();
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, about] of Object.entries(verbs)) {
      const tag = (about.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, verb, about]);
    }
  }
  for (const [tag, routes] of groups) {
    el("h2", tag, main);
    for (const [path, verb, about] of routes) route(api, path, verb, about, main);
  }
};

show().catch((error) => { document.getElementById("routes").textContent = `The API document could not be read: ${error}`; });
