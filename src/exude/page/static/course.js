// Reading a course (times and values) at a time.

// The last place for which a condition holds that holds up to some place and not beyond; 0 where it never does.
export function lastWhere(length, holds) {
  let low = 0, high = length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

// A value between two recorded times, on the line between them.
export function valueAt(times, values, time) {
  const i = lastWhere(times.length, (n) => times[n] <= time), next = Math.min(i + 1, times.length - 1);
  if (next === i || time <= times[i]) return values[i];
  return values[i] + ((time - times[i]) / (times[next] - times[i])) * (values[next] - values[i]);
}
