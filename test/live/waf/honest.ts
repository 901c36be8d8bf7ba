import { query, upload, type WafRequest } from "./request";

const item = (name: string, text: string, note?: string): WafRequest => ({
  name,
  method: "POST",
  json: { name: text, ...(note === undefined ? {} : { note }) },
});

const form = (name: string, fields: Readonly<Record<string, string>>): WafRequest => ({
  name,
  method: "POST",
  form: fields,
});

const search = (text: string): WafRequest => ({
  name: `a search for «${text}»`,
  path: query(text),
});

const LONG =
  "Estimados: les escribo porque el pedido que hice el martes pasado todavía no llegó. Llamé dos veces y me dijeron que saldría «mañana a primera hora»; ya es viernes. " +
  "¿Podrían confirmarme la dirección (Av. Libertador Bernardo O'Higgins 1449, depto. 32-B) y el teléfono +56 9 8765 4321? Gracias & saludos, José Núñez. ";

/** Requests of people who mean well, chosen for what a firewall could take them for. */
export const HONEST: readonly WafRequest[] = [
  // Names.
  item("O'Higgins", "Bernardo O'Higgins"),
  item("D'Angelo-Núñez", "María José D'Angelo-Núñez"),
  item("accents and ñ", "Íñigo Muñoz Peñalver"),
  item("umlauts", "Jürgen Weißmüller"),
  item("Null as a name", "Christopher Null"),
  item("True as a name", "Rachel True"),
  item("a name with a dot and a comma", "Pérez Jr., Juan A."),
  item("Chinese", "王小明"),
  item("Arabic", "محمد الأحمد"),
  item("emoji", "Pedido listo 🎉🌮"),
  item("Select in a company's name", "Select Foods & Union Bakery"),
  item("an ampersand", "Johnson & Johnson"),
  item("Drop in a product's name", "Lemon drop table cake"),
  item("inches", '24" monitor'),
  item("a price", "Menú del día: $12.500"),
  item("percent", "20% de descuento en todo"),
  item("an equation", "a = b + c"),
  item("parentheses", "Pizza (grande) con extra queso"),
  item("a hash", "Mesa #7, silla #3"),
  item("question and exclamation", "¿Qué tal? ¡Todo bien!"),
  // Texts.
  item("a long letter", "carta", LONG.repeat(8)),
  item("quotes in a note", "nota", 'Dijo: "no quiero cebolla", y se fue.'),
  item("single quotes in a note", "nota", "Don't forget: it's Juan's birthday, '98 wine please"),
  item("English with or and and", "note", "Either red or white, and bread or rice and beans"),
  item("a sentence with select and from", "note", "Please select one from the list of desserts"),
  item("a sentence with update and set", "note", "Update the table: set four places for tonight"),
  item("a sentence with delete", "note", "Please delete my second order, I ordered twice"),
  item("SQL words in Spanish", "nota", "La unión de la selección con el insert de madera"),
  item("arrows and comparison", "note", "size < 40 cm, weight > 2 kg -> small box"),
  item("a heart", "note", "I <3 this place"),
  item("a list with dashes", "nota", "- sin gluten\n- sin lactosa\n- sin nueces"),
  item("Markdown", "nota", "# Pedido\n\n* **dos** empanadas\n* _una_ bebida"),
  item("an address with slashes", "nota", "C/ Mayor 12, 3º/4ª, 28013 Madrid"),
  item("an e-mail address", "contacto", "jose.nunez+pedidos@correo.example"),
  item("a link in a note", "nota", "El menú está en https://www.example.org/menu/verano"),
  item("a phone number", "contacto", "+56 (2) 2345-6789"),
  item("a date and a time", "nota", "2026-11-22 a las 19:30 hrs"),
  item("coordinates", "nota", "-33.4489, -70.6693"),
  item("semicolons", "nota", "leche; pan; huevos; café"),
  item("dots", "nota", "no sé... quizás mañana..."),
  item("HTML's simple marks in JSON", "nota", "<b>urgente</b>: llamar antes"),
  item("a paragraph of HTML in JSON", "nota", "<p>Gracias por su <em>visita</em>.</p>"),
  item("a base64 text", "nota", "QXRhbGF5YSBlcyB1bmEgdG9ycmUu"),
  item("a UUID", "nota", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
  item("an empty note", "vacía", ""),
  // Searches.
  ...["O'Higgins", "café con leche", "pan & queso", "ñoquis", "100% cacao", "¿dónde?"].map(search),
  ...["select union", "order by price", "C++", "e-mail: juan@example.org"].map(search),
  // Forms.
  form("a contact form", { name: "Ana O'Brien", email: "ana@example.org", message: LONG }),
  form("a log-in", { user: "jose.nunez", password: "correct horse battery staple 42" }),
  form("a password with signs", { user: "ana", password: "pA$$w0rd!#%&*+-_=?" }),
  form("an address form", { calle: "Av. O'Higgins 1449", ciudad: "Concepción", region: "Bío-Bío" }),
  form(
    "a form with forty fields",
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`campo_${i}`, `valor ${i}, sí`])),
  ),
  // Uploads.
  {
    name: "a CSV as an upload",
    ...upload("pedidos.csv", "id;nombre\n1;Ñandú\n2;O'Higgins\n", "text/csv"),
  },
  {
    name: "a picture as an upload",
    ...upload(
      "foto de la mesa.png",
      Buffer.from(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "base64",
      ),
      "image/png",
    ),
  },
  {
    name: "a text with accents as an upload",
    ...upload("menú.txt", "Menú de otoño\n", "text/plain"),
  },
  {
    name: "40 KiB of noise as an upload",
    ...upload(
      "datos.bin",
      Buffer.from(Array.from({ length: 40 * 1_024 }, (_, i) => (i * 7_919) % 251)),
    ),
  },
  // Other ways to ask.
  {
    name: "PUT with JSON",
    method: "PUT",
    path: "/api/v1/items/1",
    json: { name: "x", note: "it's" },
  },
  { name: "PATCH with JSON", method: "PATCH", path: "/api/v1/items/1", json: { name: "x" } },
  { name: "DELETE", method: "DELETE", path: "/api/v1/items/1" },
  { name: "HEAD", method: "HEAD", path: "/health" },
  { name: "the API's pages", path: "/docs" },
  { name: "the API's description", path: "/openapi.json" },
  {
    name: "a session cookie",
    headers: { cookie: "session=eyJhbGciOiJIUzI1NiJ9.e30.abc-DEF_123; theme=dark" },
  },
  {
    name: "a bearer token",
    headers: {
      authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.SflKxwRJSMeKKF2QT4fwpMeJf36",
    },
  },
  {
    name: "a Referer with a query",
    headers: { referer: "https://www.example.org/buscar?q=caf%C3%A9&pag=2" },
  },
  { name: "several languages", headers: { "accept-language": "es-CL,es;q=0.9,en;q=0.8" } },
  {
    name: "a mobile browser",
    headers: {
      "user-agent":
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    },
  },
];
