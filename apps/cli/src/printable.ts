/** Without what a terminal would take for an order, or for another direction of text: anyone may have written the document. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
