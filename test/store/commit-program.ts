import { readSettings } from '../../src/settings.js';
import { openStore } from '../../src/store/open-store.js';

const [key = '', folder = ''] = process.argv.slice(2);
await openStore(readSettings()).commit(key, folder);
