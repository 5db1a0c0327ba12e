// Changes Stryker's list of mutators, whose path the exact version fixes: Stryker 9 has no place for a project's own.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const list = 'node_modules/@stryker-mutator/instrumenter/dist/src/mutators/mutate.js';

/**
 * Mutators that make no check weaker, or weaken one that another mutator weakens too; a run would spend most of its time on
 * them. A text is a message, or a tag of a domain that published vectors hold. An object or a list emptied is refused by
 * the compiler or noticed by every test. An emptied block is the branch never taken or the calls in it taken away, which
 * the others do.
 */
export const excluded = ['StringLiteral', 'ObjectLiteral', 'ArrayDeclaration', 'BlockStatement', 'ArrowFunction'];

/** Takes away a call whose result isn't used: most checks are calls that throw (`assertPoint(ec);`), and so is each wipe. */
const callRemoval = {
  name: 'CallRemoval',
  *mutate(path) {
    if (!path.isExpressionStatement()) return;
    const { expression } = path.node;
    const call = ['AwaitExpression', 'UnaryExpression'].includes(expression.type) ? expression.argument : expression;
    if (!['CallExpression', 'OptionalCallExpression'].includes(call.type) || call.callee.type === 'Super') return;
    yield { type: 'EmptyStatement' };
  },
};

/** Without `===` and `!==` for comparisons: each is made true, and false, by the mutator of conditions already. */
const boundsOnly = (path) => path.isBinaryExpression() && ['<', '<=', '>', '>='].includes(path.node.operator);

/** Without `&&` for `||` and the reverse: a test that notices one operand gone notices that too. */
const defaultsOnly = (path) => path.isLogicalExpression() && path.node.operator === '??';

/** Where a condition guards a `throw`, made true it refuses everything: every test would notice, so it is made false alone. */
const isGuard = (path) => {
  const { key, parent } = path;
  if (key !== 'test' || parent.type !== 'IfStatement' || parent.alternate) return false;
  const { consequent } = parent;
  return (consequent.type === 'BlockStatement' ? consequent.body.at(-1) : consequent)?.type === 'ThrowStatement';
};

const only = (mutator, isWanted) => ({
  name: mutator.name,
  *mutate(path) {
    if (isWanted(path)) yield* mutator.mutate(path);
  },
});

const guardsRemoved = (mutator) => ({
  name: mutator.name,
  *mutate(path) {
    const guard = isGuard(path);
    for (const mutant of mutator.mutate(path)) if (!(guard && mutant.value === true)) yield mutant;
  },
});

const changed = {
  EqualityOperator: (mutator) => only(mutator, boundsOnly),
  LogicalOperator: (mutator) => only(mutator, defaultsOnly),
  ConditionalExpression: guardsRemoved,
};

/** Adds the removal of calls, and leaves out what would tell nothing new. */
export async function adjustMutators(root) {
  const { allMutators } = await import(pathToFileURL(join(root, list)).href);
  for (const [at, mutator] of allMutators.entries()) {
    const change = changed[mutator.name];
    if (change !== undefined) allMutators[at] = change(mutator);
  }
  allMutators.push(callRemoval);
}
