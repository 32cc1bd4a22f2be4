// The door of the client library: everything that services import comes through here.
// Types of the contract are re-exported from protocol; nothing of the NATS library shows.

export type { Entry, HoldLegView, HoldView, StepKind, WalletView } from "../protocol/entry.ts";
export type { Event, EventId } from "../protocol/event.ts";
export type { Info } from "../protocol/info.ts";
export type { Balances, Outcome, Refusal, RefusalCode, Status } from "../protocol/outcome.ts";
export { outcomeToJson } from "../protocol/outcome-json.ts";
export type { AsOf } from "../protocol/read-answer.ts";
export type { ClientOutcome, Resolution, UnknownOutcome } from "./client-outcome.ts";
export type { ClientClock } from "./clock.ts";
export {
  Coffer,
  type OwnerAt,
  type Page,
  type PageOptions,
  type ReadOptions,
  type SendOptions,
  type WalletAt,
} from "./coffer.ts";
export type {
  AmountInput,
  BoundInput,
  CaptureInput,
  CommandInput,
  LegInput,
  LimitInput,
  MetaInput,
  OpenInput,
  ReleaseInput,
  ReverseInput,
  StatusInput,
  TransferInput,
} from "./command-input.ts";
export {
  CofferAnswerInvalid,
  CofferBusy,
  CofferClosed,
  CofferClusterChanged,
  CofferError,
  type CofferErrorCode,
  CofferEventsGone,
  CofferOptionsInvalid,
  CofferOverloaded,
  CofferReadRefused,
  CofferUnreachable,
} from "./errors.ts";
export type { EventFeed, EventFeedOptions } from "./event-feed.ts";
export { connect } from "./main.ts";
export type { CofferOptions, TlsOptions } from "./options.ts";
export type { CommandListener } from "./pending.ts";
