/**
 * SQL lists its columns. A prepared `SELECT *` fails once another process has added a column (SQLSTATE 0A000), and replicas of
 * two versions run on one database (docs/adr/0028).
 */
export const listedColumns = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { all: 'List the columns: a prepared statement of all columns fails where a migration adds one.' },
  },
  create(context) {
    const check = (node, text) => {
      if (isSql.test(text) && allColumns.test(text)) context.report({ node, messageId: 'all' });
    };
    return {
      Literal(node) {
        if (typeof node.value === 'string') check(node, node.value);
      },
      TemplateLiteral(node) {
        check(node, node.quasis.map(({ value }) => value.cooked ?? value.raw).join('x')); // an expression is one word
      },
    };
  },
};

const isSql = /\b(SELECT|RETURNING)\b/i;
const allColumns = /(\b(SELECT(\s+(ALL|DISTINCT))?|RETURNING)\s+|,\s*)("?\w+"?\.)?\*/i;
