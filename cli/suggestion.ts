// "Did you mean": the known word that is nearest to a mistyped one.
// Guards against: a usage error that leaves the user to search the help for a slipped letter.

/** The nearest of `known` within a third of the word's length (at least 2 edits allowed), or undefined. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const bound = Math.max(2, Math.floor(word.length / 3));
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceOf(word, candidate) }))
    .filter(
      ({ candidate, distance }) => distance <= bound || (word.length >= 3 && candidate.startsWith(word)),
    )
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
}

/** ` Did you mean X?` with a leading space, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const found = nearest(word, known);
  return found === undefined ? "" : ` Did you mean ${found}?`;
}

/** Edits (insert, delete, replace) between two words: Levenshtein's distance, one row at a time. */
function distanceOf(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
