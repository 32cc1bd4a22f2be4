// `coffer guarantees`: prints what is promised, for each durability profile, and what is not.
// Does not own the promises: they are in protocol, where the gateway finds them too.

import { GUARANTEES, type Guarantee, NOT_PROMISED } from "../../protocol/guarantees.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** The command. */
export const guaranteesCommand: CliCommand = {
  path: "guarantees",
  summary: "Print what is promised, for each durability profile",
  arguments: [],
  flags: [
    {
      name: "--durability",
      value: "PROFILE",
      summary: "one profile only",
      choices: ["strict", "relaxed"],
    },
  ],
  examples: [
    { line: "guarantees", does: "print both profiles" },
    { line: "guarantees --durability relaxed --json", does: "print one profile as JSON" },
  ],
  run: ({ parsed, output }) => {
    const wanted = parsed.text("--durability");
    const profiles = (["strict", "relaxed"] as const).filter(
      (profile) => wanted === null || wanted === profile,
    );
    const json = Object.fromEntries(
      profiles.map((profile) => [
        profile,
        Object.fromEntries(GUARANTEES.map((one) => [one.about, one[profile]])),
      ]),
    );
    const blocks = GUARANTEES.map((one) => `${one.about}\n${paragraphs(one, profiles)}`);
    const missing = `not promised\n${NOT_PROMISED.map((text) => wrapped(`- ${text}`, "  ")).join("\n")}`;
    output.result({ guarantees: json, notPromised: NOT_PROMISED }, [...blocks, missing].join("\n\n"));
    return Promise.resolve(EXIT.done);
  },
};

function paragraphs(guarantee: Guarantee, profiles: readonly ("strict" | "relaxed")[]): string {
  if (guarantee.strict === guarantee.relaxed) return wrapped(guarantee.strict, "  ");
  return profiles.map((profile) => wrapped(`${profile}: ${guarantee[profile]}`, "  ")).join("\n");
}

const LINE_CHARS = 100;

function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length + word.length > LINE_CHARS && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join("\n");
}
