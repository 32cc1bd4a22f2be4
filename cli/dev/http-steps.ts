// What a developer can try over HTTP: lines that work as they are printed, on the wallets that are there.
// Each line can be sent again: its key of idempotency makes the second answer the first one.

/** What a dev's gateway is reached with. */
export interface HttpAccess {
  readonly url: string;
  readonly key: string;
}

/** A bank to take money from, with the line that opens it when nothing else does. */
const BANK = "world:usd";
const DEMO_BANK = "demo-bank:usd";

/**
 * One curl line a step: open a wallet, move money into it.
 * @param hasDemo the demonstration opens a bank; without it one line more does
 */
export function httpSteps(access: HttpAccess, hasDemo: boolean): string[] {
  const open = (wallet: string, bounds: object): string =>
    post(access, "/v1/wallets", `open-${wallet.replace(":", "-")}`, { wallet, asset: "USD/2", ...bounds });
  const transfer = { from: hasDemo ? DEMO_BANK : BANK, to: "carol:usd", amount: "1250" };
  return [
    ...(hasDemo ? [] : [open(BANK, { min: "unlimited" })]),
    open("carol:usd", {}),
    post(access, "/v1/transfers", "first-transfer", transfer),
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
