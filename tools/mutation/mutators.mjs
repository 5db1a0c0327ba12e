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

/** Stryker's mutator of comparisons without `===` and `!==`: each is made true, and false, by another one already. */
const boundsOnly = (mutator) => ({
  name: mutator.name,
  *mutate(path) {
    if (path.isBinaryExpression() && ['<', '<=', '>', '>='].includes(path.node.operator)) yield* mutator.mutate(path);
  },
});

/** Adds the removal of calls, and takes what {@link boundsOnly} leaves of comparisons. */
export async function adjustMutators(root) {
  const { allMutators } = await import(pathToFileURL(join(root, list)).href);
  const at = allMutators.findIndex(({ name }) => name === 'EqualityOperator');
  allMutators.splice(at, 1, boundsOnly(allMutators[at]));
  allMutators.push(callRemoval);
}
