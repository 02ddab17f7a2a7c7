import { afterAll } from 'vitest';
import { endTheFile } from './afterwards.ts';

afterAll(endTheFile);
