// The client: one connection, one window, one lane a shard. This file owns what callers see; sending, reading and
// following events are done by sender, reader and event-feed.
//
// Invariant: no method throws or rejects with anything but a CofferError, and a rejection that nobody looks at does
// no harm; whatever became of a command is an outcome.

import type { Command } from "../protocol/command.ts";
import type { Entry, HoldView, WalletView } from "../protocol/entry.ts";
import { type Info, decodeInfo } from "../protocol/info.ts";
import type { AsOf } from "../protocol/read-answer.ts";
import { decodeCursor } from "../protocol/cursor.ts";
import { INFO_SUBJECT } from "../protocol/subject.ts";
import type { ClientClock } from "./clock.ts";
import type { ClientOutcome, Resolution } from "./client-outcome.ts";
import { type CommandInput, isRefused, prepareCommand } from "./command-input.ts";
import { CofferAnswerInvalid, CofferClosed, CofferClusterChanged, type CofferError, CofferOptionsInvalid, CofferUnreachable } from "./errors.ts";
import { EventFeed } from "./event-feed.ts";
import { EventPosition } from "./event-position.ts";
import { IdSource } from "./id-source.ts";
import { Link } from "./link.ts";
import { type CofferOptions, type CofferSettings, numberOf, settingsOf } from "./options.ts";
import { orderedOutcomes } from "./outcome-stream.ts";
import { delay, idArgument, ownerArgument, Reader, walletArgument } from "./reader.ts";
import { Sender } from "./sender.ts";
