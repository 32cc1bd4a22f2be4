// The baseline's ledger: one transaction a request over PostgreSQL, as a careful team would write it.
//
//   BEGIN + SELECT … FOR UPDATE, wallets in one order          one round trip
//   decide in memory                                            no round trip
//   wallets, entries and commands in one statement + COMMIT     one round trip
//   an id or a wallet that is there already: once more, with the answers of the ids that are known
//
// Statements are prepared once a connection and sent without waiting for one another (pg's pipeline mode): with a
// round trip for each of them the baseline would be slower, and the comparison unfair.
// Invariant: wallets are locked in the order of their names, so requests do not wait for each other in a circle; an id
// has one answer for ever, a copy of it gets the same one, and the same id with other content is refused.

import type pg from "pg";
import type { LedgerCommand } from "./ledger-command.ts";
import { type LedgerAnswer, LedgerTurn, type WalletRow } from "./ledger-turn.ts";

const READ_COMMANDS = {
  name: "read-commands",
  text: "SELECT id, content, answer FROM commands WHERE id = ANY($1::uuid[])",
};
const LOCK_WALLETS = {
  name: "lock-wallets",
  text: "SELECT wallet, asset, posted, min, version FROM wallets WHERE wallet = ANY($1::text[]) ORDER BY wallet FOR UPDATE",
};
const OPEN_WALLETS = {
  name: "open-wallets",
  text: "INSERT INTO wallets(wallet, asset, posted, min, version) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])",
};
const WRITE = {
  name: "write",
  text: `WITH moved AS (
  UPDATE wallets SET posted = m.posted, version = m.version
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS m(wallet, posted, version)
  WHERE wallets.wallet = m.wallet
), noted AS (
  INSERT INTO entries(wallet, version, amount, posted, command)
  SELECT * FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::uuid[])
)
INSERT INTO commands(id, content, answer) SELECT * FROM unnest($9::uuid[], $10::text[], $11::text[])`,
};
const READ_WALLET = {
  name: "read-wallet",
  text: "SELECT wallet, asset, posted, min, version FROM wallets WHERE wallet = $1",
};
/** Two requests may bring the same new id or wallet at once: the later one sees it on its second try. */
const TRIES_MAX = 5;
const UNIQUE_VIOLATION = "23505";

interface KnownRow {
  readonly id: string;
  readonly content: string;
  readonly answer: string;
}

/** See the file header. */
export class Ledger {
  readonly #pool: pg.Pool;

  /** @param pool of clients in pipeline mode; who made it ends it */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Applies commands in order in one transaction. A command that is refused does not stop the others.
   * @returns one answer a command
   * Errors: those of PostgreSQL, when nothing was applied.
   */
  async apply(commands: readonly LedgerCommand[]): Promise<LedgerAnswer[]> {
    for (let tries = 1; ; tries += 1) {
      const client = await this.#pool.connect();
      let failure: Error | undefined;
      try {
        return await applyOnce(client, commands, tries > 1);
      } catch (thrown) {
        failure = thrown instanceof Error ? thrown : new Error(String(thrown));
        const isRace = "code" in failure && failure.code === UNIQUE_VIOLATION;
        if (!isRace || tries === TRIES_MAX) throw failure;
        failure = undefined;
        await client.query("ROLLBACK");
      } finally {
        client.release(failure);
      }
    }
  }

  /** One wallet as it is now; null when there is none. */
  async wallet(name: string): Promise<WalletRow | null> {
    const { rows } = await this.#pool.query<WalletRow>({ ...READ_WALLET, values: [name] });
    return rows[0] ?? null;
  }
}

async function applyOnce(
  client: pg.PoolClient,
  commands: readonly LedgerCommand[],
  mayBeKnown: boolean,
): Promise<LedgerAnswer[]> {
  const [, locked, known] = await Promise.all([
    client.query("BEGIN"),
    client.query<WalletRow>({ ...LOCK_WALLETS, values: [walletsOf(commands)] }),
    // After the locks: a copy that waited for them sees what the first one wrote.
    mayBeKnown ? client.query<KnownRow>({ ...READ_COMMANDS, values: [commands.map(({ id }) => id)] }) : null,
  ]);
  const turn = new LedgerTurn(locked.rows, known?.rows ?? []);
  const answers = commands.map((command) => turn.apply(command));
  const { opened, moved, entries, noted } = turn;
  const writes: Promise<unknown>[] = [];
  if (opened.length > 0) writes.push(client.query({ ...OPEN_WALLETS, values: columns(opened, 5) }));
  if (noted.length > 0) {
    const values = [...columns(moved, 3), ...columns(entries, 5), ...columns(noted, 3)];
    writes.push(client.query({ ...WRITE, values }));
  }
  const commit = client.query("COMMIT");
  // A commit after a failed statement rolls back: whatever failed is thrown, after the pipeline has run empty.
  const results = await Promise.allSettled([...writes, commit]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return answers;
}

function walletsOf(commands: readonly LedgerCommand[]): string[] {
  const names = new Set<string>();
  for (const command of commands) {
    if (command.op === "open") names.add(command.wallet);
    else
      for (const { from, to } of command.legs) {
        names.add(from);
        names.add(to);
      }
  }
  return [...names];
}

function columns(rows: readonly (readonly unknown[])[], count: number): unknown[][] {
  return Array.from({ length: count }, (_, column) => rows.map((row) => row[column]));
}
