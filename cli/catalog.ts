// Every command of the program, in the order of the help. Adding one = a file in commands/ and a line here.
// Help, completion, docs/cli.md and the tests read this list.

import type { CliCommand } from "./command.ts";
import { benchCommand } from "./commands/bench.ts";
import { completionCommand } from "./commands/completion.ts";
import { devCommand } from "./commands/dev.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { guaranteesCommand } from "./commands/guarantees.ts";
import { holdCaptureCommand } from "./commands/hold-capture.ts";
import { holdListCommand } from "./commands/hold-list.ts";
import { holdPlaceCommand } from "./commands/hold-place.ts";
import { holdReleaseCommand } from "./commands/hold-release.ts";
import { initCommand } from "./commands/init.ts";
import { keysCreateCommand } from "./commands/keys-create.ts";
import { keysListCommand } from "./commands/keys-list.ts";
import { keysRevokeCommand } from "./commands/keys-revoke.ts";
import { keysRotateCommand } from "./commands/keys-rotate.ts";
import { nodeCommand } from "./commands/node.ts";
import { reverseCommand } from "./commands/reverse.ts";
import { statusCommand } from "./commands/status.ts";
import { tailCommand } from "./commands/tail.ts";
import { transferCommand } from "./commands/transfer.ts";
import { verifyCommand } from "./commands/verify.ts";
import { versionCommand } from "./commands/version.ts";
import { walletEntriesCommand } from "./commands/wallet-entries.ts";
import { walletLimitCommand } from "./commands/wallet-limit.ts";
import { walletOpenCommand } from "./commands/wallet-open.ts";
import { walletShowCommand } from "./commands/wallet-show.ts";
import { walletStatusCommands } from "./commands/wallet-status.ts";

/** All commands. */
export const COMMANDS: readonly CliCommand[] = [
  devCommand,
  initCommand,
  nodeCommand,
  gatewayCommand,
  statusCommand,
  walletOpenCommand,
  walletShowCommand,
  walletEntriesCommand,
  ...walletStatusCommands,
  walletLimitCommand,
  transferCommand,
  reverseCommand,
  holdPlaceCommand,
  holdCaptureCommand,
  holdReleaseCommand,
  holdListCommand,
  keysCreateCommand,
  keysListCommand,
  keysRevokeCommand,
  keysRotateCommand,
  verifyCommand,
  tailCommand,
  benchCommand,
  guaranteesCommand,
  doctorCommand,
  completionCommand(() => COMMANDS),
  versionCommand,
];
