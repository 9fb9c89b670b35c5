/** Comma-separated values after RFC 4180. */

export function parse(text) {
  const rows = [[]];
  let field = "";
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[index + 1] === '"') {
        field += '"';
        index += 1;
      } else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ",") {
      rows.at(-1).push(field);
      field = "";
    } else if (character === "\n") {
      rows.at(-1).push(field);
      field = "";
      rows.push([]);
    } else if (character !== "\r") field += character;
  }
  if (field !== "" || rows.at(-1).length > 0) rows.at(-1).push(field);
  else rows.pop();
  return rows;
}

const quote = (field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

export const format = (rows) => rows.map((row) => `${row.map((field) => quote(String(field))).join(",")}\r\n`).join("");
