// Preloaded into a node under test: shifts its clocks by what stands in a file, which the test writes. The file is read at
// every look at a clock, so that a shift made while the process is stopped is there before it does anything.
import { openSync, readSync } from 'node:fs';

const file = openSync(process.env.COHERENCE_CLOCK_FILE, 'r');
const bytes = new Float64Array(2);

function offset(index) {
  readSync(file, bytes, 0, 16, 0);
  return bytes[index];
}

const RealDate = Date;
const wallNow = () => RealDate.now() + offset(0);
const ShiftedDate = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [wallNow()] : args, newTarget === ShiftedDate ? target : newTarget),
  get: (target, name, receiver) => (name === 'now' ? wallNow : Reflect.get(target, name, receiver)),
});
globalThis.Date = ShiftedDate;
RealDate.prototype.constructor = ShiftedDate;

const monotonicNow = performance.now.bind(performance);
performance.now = () => monotonicNow() + offset(1);
