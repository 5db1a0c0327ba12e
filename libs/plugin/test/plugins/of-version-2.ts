import other from './other.js';

export default { ...other, apiVersion: 2 };
