export { distill } from './distill.js';
