// A small judge of well-formed XML for the tests of plots: tags that match, attributes that are quoted and unique,
// references that exist, no stray markup. Reads what the plots write, not all that XML allows.
import assert from "node:assert/strict";

const TOKEN = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
const ATTRIBUTE = /([\w-]+)="([^"]*)"/g;
const REFERENCE = /&(?!(?:amp|lt|gt|quot|#39);)/;

/** One element and where it stands. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** The text right inside it, unescaped. */
  text: string;
}

/** All elements of a document in their order. Throws when it is not well-formed. */
export function xmlElements(document: string): XmlElement[] {
  const all: XmlElement[] = [];
  const open: XmlElement[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < document.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(document);
    assert.ok(token, `no markup at ${at}: ${document.slice(at, at + 60)}`);
    const [, closing, name = "", attributes = "", empty, text] = token;
    if (text !== undefined) addText(open.at(-1), text);
    else if (closing === "/") assert.equal(open.pop()?.name, name, "a closing tag ends what was opened last");
    else {
      const element = { name, attributes: attributesIn(attributes), text: "" };
      assert.ok(open.length > 0 || all.length === 0, "there is one root");
      all.push(element);
      if (empty !== "/") open.push(element);
    }
  }
  assert.equal(open.length, 0, "every element ends");
  return all;
}

/** The texts of all elements with a name. */
export function textsOf(elements: readonly XmlElement[], name: string): string[] {
  return elements.filter((each) => each.name === name).map(({ text }) => text);
}

function addText(element: XmlElement | undefined, text: string): void {
  assert.doesNotMatch(text, REFERENCE);
  if (element === undefined) assert.match(text, /^\s*$/);
  else element.text += unescaped(text);
}

function attributesIn(text: string): ReadonlyMap<string, string> {
  assert.doesNotMatch(text, REFERENCE);
  const attributes = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(ATTRIBUTE)) {
    assert.ok(!attributes.has(name), `attribute ${name} stands twice`);
    attributes.set(name, unescaped(value));
  }
  return attributes;
}

function unescaped(text: string): string {
  const characters = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
  return Object.entries(characters)
    .reverse()
    .reduce((value, [reference, character]) => value.replaceAll(reference, character), text);
}
