import { useEffect, useState } from 'react';
import { typedAheadMs } from './use-keys.ts';

/** False for the first 300 ms: a list must not take an enter that was meant for the screen before. */
export function useSettled(): boolean {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), typedAheadMs);
    return () => clearTimeout(timer);
  }, []);
  return settled;
}
