// What a developer can try over HTTP: lines that work as they are printed, on the wallets that are there.
// Each line can be sent again: its key of idempotency makes the second answer the first one.

/** What a dev's gateway is reached with. */
export interface HttpAccess {
  readonly url: string;
  readonly key: string;
}

/** A bank of its own to take money from: one of the demonstration's would be wrong in its sums. */
const BANK = "world:usd";

/** One curl line a step: open a bank and a wallet, move money between them. They work at any time, in this order. */
export function httpSteps(access: HttpAccess): string[] {
  const open = (wallet: string, bounds: object): string =>
    post(access, "/v1/wallets", `open-${wallet.replace(":", "-")}`, { wallet, asset: "USD/2", ...bounds });
  return [
    open(BANK, { min: "unlimited" }),
    open("carol:usd", {}),
    post(access, "/v1/transfers", "first-transfer", { from: BANK, to: "carol:usd", amount: "1250" }),
  ];
}

function post({ url, key }: HttpAccess, path: string, idempotencyKey: string, body: object): string {
  const headers = [
    `Authorization: Bearer ${key}`,
    "Content-Type: application/json",
    `Idempotency-Key: ${idempotencyKey}`,
  ];
  const words = headers.map((header) => `-H '${header}'`).join(" ");
  return `curl -s ${url}${path} ${words} -d '${JSON.stringify(body)}'`;
}
