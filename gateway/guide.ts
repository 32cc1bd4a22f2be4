// The guide at the head of the OpenAPI document: what a new user does in his first ten minutes, as lines for a shell.
// Owns these words. A test takes the lines out of the document and sends them as they are.
// Invariant: the lines work in their order on an installation that nobody has used, and again after that.

const HOLD = "0190c0de-0000-7000-8000-000000000001";

/** Markdown. */
export const GUIDE = `Coffer keeps wallets. A request settles a command exactly once and answers the same for ever.

Every \`POST\` or \`PATCH\` that sends a command takes an \`id\` (a UUID) in its body or an \`Idempotency-Key\` header, not both. Sent again with the same one it moves nothing a second time and gives the first answer. After any doubt, send the same request again.

Amounts are whole minor units as text: \`"1250"\` of \`USD/2\` is 12.50.

## The first ten minutes

The address of this gateway and a key. \`npm start\` keeps one in \`.coffer/gateway-key\`; \`coffer keys create --scope admin\` makes another.

\`\`\`
URL=http://127.0.0.1:8080
KEY=$(cat .coffer/gateway-key)
\`\`\`

**1. Open wallets.** Money comes from a wallet that may go below zero without end: the source, \`world:usd\`. Opening such a one asks for a key of scope admin. The others stay at zero or above.

${post("/v1/wallets", "open-world-usd", { wallet: "world:usd", asset: "USD/2", min: "unlimited" })}
${post("/v1/wallets", "open-alice-usd", { wallet: "alice:usd", asset: "USD/2" })}
${post("/v1/wallets", "open-shop-usd", { wallet: "shop:usd", asset: "USD/2" })}

**2. Transfer.** 100.00 for alice, and 12.50 of them for the shop. The answer is \`posted\`, with the balances after it.

${post("/v1/transfers", "first-money", { from: "world:usd", to: "alice:usd", amount: "10000" })}
${post("/v1/transfers", "order-7", { from: "alice:usd", to: "shop:usd", amount: "1250", ref: "order-7" })}

**3. Hold.** 9.00 are reserved for the shop, for ten minutes at most. They count as \`held\` and are not \`available\` any more. The \`id\` of the transfer is the id of the hold. (Choose a new one for each: a hold that has ended stays ended.)

${post("/v1/transfers", null, {
  id: HOLD,
  from: "alice:usd",
  to: "shop:usd",
  amount: "900",
  hold: { ttlMs: 600_000 },
})}

**4. Capture.** The shop takes 4.00 of it; the rest is given back, since \`final\` is true unless you say otherwise. \`owner\` is whose hold it is. \`/release\` in place of \`/capture\` gives everything back.

${post(`/v1/transfers/${HOLD}/capture?owner=alice`, "capture-7", { amount: "400" })}

**5. Look.** Alice has 83.50, the shop 16.50.

${get("/v1/owners/alice")}
${get("/v1/wallets/shop:usd/entries")}

What went wrong is told by a problem document: branch on its \`code\`. With \`final\` true the same request would fail again for ever; with \`final\` false send it again later.
`;

function post(path: string, key: string | null, body: object): string {
  const once = key === null ? "" : ` -H 'Idempotency-Key: ${key}'`;
  const headers = `-H "Authorization: Bearer $KEY" -H 'Content-Type: application/json'${once}`;
  return fenced(`curl -s "$URL${path}" ${headers} -d '${JSON.stringify(body)}'`);
}

function get(path: string): string {
  return fenced(`curl -s "$URL${path}" -H "Authorization: Bearer $KEY"`);
}

function fenced(line: string): string {
  return `\`\`\`\n${line}\n\`\`\``;
}
