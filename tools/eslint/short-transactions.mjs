/**
 * Nothing slow happens in a database transaction: no call to an HSM, the network or a document store. So inside a
 * function given to `transaction(…)` or `commit(…)` none of them may be named.
 */
export const shortTransactions = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { slow: '{{name}} inside a transaction: do it before, and commit what came of it.' },
  },
  create(context) {
    let depth = 0;
    const opens = (node) =>
      node.parent.type === 'CallExpression' &&
      node.parent.arguments.includes(node) &&
      isTransaction(node.parent.callee);
    const enter = (node) => (depth += opens(node) ? 1 : 0);
    const leave = (node) => (depth -= opens(node) ? 1 : 0);
    return {
      ArrowFunctionExpression: enter,
      'ArrowFunctionExpression:exit': leave,
      FunctionExpression: enter,
      'FunctionExpression:exit': leave,
      Identifier(node) {
        if (depth > 0 && slow.test(node.name)) context.report({ node, messageId: 'slow', data: { name: node.name } });
      },
    };
  },
};

const slow = /^(custody|transport|store)$|(Custody|Transport|Store)$/;

function isTransaction(callee) {
  const name = callee.type === 'MemberExpression' ? callee.property.name : callee.name;
  return name === 'transaction' || name === 'commit';
}
