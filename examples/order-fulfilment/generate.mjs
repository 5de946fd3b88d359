/**
 * Makes orders.ndjson and payments.ndjson beside itself, the same each time:
 *
 *   node examples/order-fulfilment/generate.mjs [--orders 1000] [--seed 1] [--directory DIR] [--within MS]
 *
 * `--within`: payments arrive within so many milliseconds after the start; a few arrive far too late, or never.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    orders: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    directory: { type: "string", default: here },
    within: { type: "string", default: "6000" },
  },
});

const firstNames = words(
  "Ada Bruno Chloe Dmitri Elif Femi Greta Hugo Ines Jonas Kaya Liam Mei Noor Omar Petra Quinn Rosa Sven Tara",
);
const lastNames = words(
  "Abbas Berg Castro Diallo Evans Fischer Garcia Haddad Ito Jansen Kim Lopez Meyer Novak Okafor Park Rossi Silva Tan Weber",
);
const streets = [
  "High Street",
  "Station Road",
  "Mill Lane",
  "Harbour Way",
  "Park Avenue",
  "Church Hill",
  "Market Square",
];
const cities = words("Leeds Utrecht Porto Lyon Graz Turku Aarhus Ghent Bilbao Krakow Cork Malmo Trieste Basel Leipzig");
const catalogue = [
  ["MUG-BLUE", 9.99],
  ["MUG-WHITE", 8.49],
  ["TEA-ASSAM-250", 6.75],
  ["TEA-SENCHA-100", 11.2],
  ["KETTLE-1L", 34.9],
  ["TEAPOT-IRON", 62.5],
  ["TRAY-OAK", 27.3],
  ["HONEY-500", 7.15],
  ["BISCUITS-TIN", 12.4],
  ["SAMOVAR", 289],
  ["GRINDER-PRO", 449],
  ["ESPRESSO-MACHINE", 899],
];

const random = mulberry32(Number(values.seed));
const orders = Array.from({ length: Number(values.orders) }, (_, index) => makeOrder(index + 1));
write("orders.ndjson", orders);
write(
  "payments.ndjson",
  orders.flatMap((order) => makePayment(order)),
);

function makeOrder(number) {
  const [first, last] = [pick(firstNames), pick(lastNames)];
  const items = Array.from({ length: pick([1, 1, 1, 2, 2, 3, 4]) }, makeItem);
  // One in sixty is sold out, before anything was charged.
  if (random() < 1 / 60) items.push({ sku: "SOLD-OUT-TEAPOT", quantity: 1, price: 39 });
  const cents = items.reduce((sum, { quantity, price }) => sum + quantity * Math.round(price * 100), 0);
  // One in fifty cannot be delivered, which turns out after the charge.
  const city = random() < 1 / 50 ? "Atlantis" : pick(cities);
  return {
    id: `ORD-${String(number).padStart(5, "0")}`,
    email: `${first}.${last}${between(1, 99)}@example.com`.toLowerCase(),
    address: `${first} ${last}, ${between(1, 180)} ${pick(streets)}, ${city}`,
    items,
    total: cents / 100,
  };
}

function makeItem() {
  const [sku, price] = pick(catalogue);
  return { sku, quantity: pick([1, 1, 1, 1, 2, 2, 3, 6]), price };
}

/** Six in ten are paid before the order asks; the others while it waits; one in fifty too late, and one in a hundred never. */
function makePayment({ id, total }) {
  const within = Number(values.within);
  const luck = random();
  if (luck < 0.01) return [];
  const afterMs = luck < 0.03 ? within + 9_000 : luck < 0.63 ? 0 : Math.round(random() * within);
  return [{ orderId: id, amount: total, afterMs }];
}

function write(name, rows) {
  fs.mkdirSync(values.directory, { recursive: true });
  fs.writeFileSync(path.join(values.directory, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function pick(list) {
  return list[Math.floor(random() * list.length)];
}

function between(least, most) {
  return least + Math.floor(random() * (most - least + 1));
}

/** A small generator of numbers from 0 to 1 that gives the same ones for the same seed. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function words(text) {
  return text.split(" ");
}
