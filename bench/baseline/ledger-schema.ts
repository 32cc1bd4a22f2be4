// The tables of the baseline, as a careful team would make them: one row a wallet, one entry a wallet and change, one
// row a command with the answer that it got.
//
// Wallet rows leave room in their pages: an update of posted and version then touches no index (a HOT update).

/** Statements that make an empty ledger, to be run once. */
export const LEDGER_SCHEMA = `
CREATE TABLE wallets (
  wallet text PRIMARY KEY,
  asset text NOT NULL,
  posted bigint NOT NULL,
  min bigint,
  version bigint NOT NULL,
  CHECK (min IS NULL OR posted >= min)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE entries (
  wallet text NOT NULL,
  version bigint NOT NULL,
  amount bigint NOT NULL,
  posted bigint NOT NULL,
  command uuid NOT NULL,
  made timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (wallet, version)
);
CREATE TABLE commands (
  id uuid PRIMARY KEY,
  content text NOT NULL,
  answer text NOT NULL,
  made timestamptz NOT NULL DEFAULT now()
);
`;
