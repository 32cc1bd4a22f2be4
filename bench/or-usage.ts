// What the scripts of this room say to words that they do not know: the reason, the usage, exit 2, and no stack.
//
// Does not own: `coffer` itself, whose words are judged in cli/; these scripts are started by npm run bench:* alone.

/**
 * Gives what `parse` gives.
 * Errors: none to the caller; when `parse` throws, prints why and the usage, and ends the process with exit 2.
 */
export function orUsage<Values>(usage: string, parse: () => Values): Values {
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}
