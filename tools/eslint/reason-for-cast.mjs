/**
 * A cast overrules the compiler, so the reader is told why: by a comment in the lines of the cast or the one above.
 * `as const` overrules nothing.
 */
export const reasonForCast = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { reason: 'Say why this cast holds, in a comment on this line or the one above.' },
  },
  create(context) {
    const check = (node) => {
      const { typeAnnotation } = node;
      if (typeAnnotation.type === 'TSTypeReference' && typeAnnotation.typeName.name === 'const') return;
      const [first, last] = [node.loc.start.line - 1, node.loc.end.line];
      const isTold = context.sourceCode
        .getAllComments()
        .some(({ loc }) => loc.end.line >= first && loc.start.line <= last);
      if (!isTold) context.report({ node, messageId: 'reason' });
    };
    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};
