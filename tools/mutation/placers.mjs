// Changes how Stryker places mutants, so that a mutant meets the tests alone that could notice it. Stryker counts a mutant
// as reached where its place is; here, where the mutated expression would have had another value there. No test can notice
// one that never has.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const placers = 'node_modules/@stryker-mutator/instrumenter/dist/src/mutant-placers';

/** Adjusts what `placeMutants` writes; the runner gives `__stryker__` the two functions that are called. */
export async function adjustPlacers(root) {
  const inside = (file) => import(pathToFileURL(join(root, placers, file)).href);
  const { expressionMutantPlacer } = await inside('expression-mutant-placer.js');
  const { statementMutantPlacer } = await inside('statement-mutant-placer.js');

  const placeExpression = expressionMutantPlacer.place;
  expressionMutantPlacer.place = (path, applied) => {
    const told = acts(path.node) ? [] : [...applied].filter(([, mutated]) => isPure(mutated));
    placeExpression(path, applied);
    let holder = path.node; // mutant ? mutated : … : (count(…), original)
    while (holder.alternate?.type === 'ConditionalExpression') holder = holder.alternate;
    const [count, original] = holder.alternate.expressions;
    const ids = new Set(told.map(([{ id }]) => id));
    count.arguments = count.arguments.filter(({ value }) => !ids.has(value));
    if (told.length === 0) return;
    const values = told.flatMap(([{ id }, mutated]) => [literal(id), structuredClone(mutated)]);
    holder.alternate.expressions = [count, call('told', [original, ...values])];
  };

  const placeStatement = statementMutantPlacer.place;
  statementMutantPlacer.place = (path, applied) => {
    placeStatement(path, applied);
    if (applied.size !== 1) return;
    const [[{ id }]] = applied;
    const [, statement] = path.node.alternate?.body ?? []; // if (mutant) { … } else { count(…); original }
    if (statement?.type !== 'ExpressionStatement') return;
    const error = { type: 'Identifier', name: 'thrown' };
    const body = [
      { type: 'ExpressionStatement', expression: call('threw', [literal(id)]) },
      { type: 'ThrowStatement', argument: error },
    ];
    path.node.alternate.body[1] = {
      type: 'TryStatement',
      block: block([statement]),
      handler: { type: 'CatchClause', param: error, body: block(body) },
    };
  };
}

/** What can be computed beside the original: it does nothing and throws nothing, for a BigInt neither. */
function isPure(node) {
  switch (node.type) {
    case 'BooleanLiteral':
    case 'NumericLiteral':
    case 'BigIntLiteral':
    case 'Identifier':
    case 'ThisExpression':
      return true;
    case 'MemberExpression':
      return !node.computed && node.property.type === 'Identifier' && isPure(node.object);
    case 'BinaryExpression':
      return !['/', '%', '**'].includes(node.operator) && isPure(node.left) && isPure(node.right);
    case 'UnaryExpression':
      return ['-', '!'].includes(node.operator) && isPure(node.argument);
    default:
      return false;
  }
}

const acting = ['add', 'delete', 'fill', 'pop', 'push', 'reverse', 'set', 'shift', 'sort', 'splice', 'unshift'];

/** Whether an expression does something that a mutant of it would leave out: then its value doesn't tell. */
function acts(node) {
  if (['AwaitExpression', 'AssignmentExpression', 'UpdateExpression'].includes(node.type)) return true;
  if (node.type === 'CallExpression' && acting.includes(node.callee.property?.name)) return true;
  return Object.values(node)
    .flat()
    .some((inner) => typeof inner?.type === 'string' && acts(inner));
}

const literal = (value) => ({ type: 'StringLiteral', value });
const block = (body) => ({ type: 'BlockStatement', body, directives: [] });
const call = (name, inputs) => ({
  type: 'CallExpression',
  callee: {
    type: 'MemberExpression',
    object: {
      type: 'MemberExpression',
      object: { type: 'Identifier', name: 'globalThis' },
      property: { type: 'Identifier', name: '__stryker__' },
      computed: false,
    },
    property: { type: 'Identifier', name },
    computed: false,
  },
  arguments: inputs,
});
