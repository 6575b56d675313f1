/* Whoever comes here was signed out elsewhere; nothing of it is left. */
import {forget} from './session.mjs';

forget();
