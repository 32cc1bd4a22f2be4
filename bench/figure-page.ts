// A Markdown page with places for figures, which are written anew in place:
//
//   <!-- figures:NAME -->
//   whatever stood here
//   <!-- /figures -->
//
// Invariant: nothing outside the markers changes, and writing the same figures twice changes nothing.

const BLOCK = /<!-- figures:([a-z0-9-]+) -->[\s\S]*?<!-- \/figures -->/g;

/** A page after its figures were written. */
export interface FigurePage {
  readonly text: string;
  /** Names in the page for which there is no figure; their places are as they were. */
  readonly missing: readonly string[];
}

/** Writes figures (Markdown by name) into a page's places. */
export function writeFigures(page: string, figures: ReadonlyMap<string, string>): FigurePage {
  const missing: string[] = [];
  const text = page.replace(BLOCK, (block: string, name: string) => {
    const figure = figures.get(name);
    if (figure !== undefined) return figureBlock(name, figure);
    missing.push(name);
    return block;
  });
  return { text, missing };
}

/** A figure between its markers, without a line end behind them. */
export function figureBlock(name: string, figure: string): string {
  return `<!-- figures:${name} -->\n${figure}\n<!-- /figures -->`;
}
