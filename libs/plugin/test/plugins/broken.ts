throw new Error('it has a bug');
export default {};
