import type { RunTask } from "./run-task.ts";

interface Link {
  readonly task: RunTask;
  readonly before: Link | undefined;
}

/** An immutable first-in-first-out queue: joining and leaving cost O(1) on average, whatever its length. */
export interface TaskQueue {
  readonly size: number;
  /** Tasks in order, from `head` on. */
  readonly front: readonly RunTask[];
  readonly head: number;
  /** Tasks that came later, newest first. */
  readonly back: Link | undefined;
}

export const emptyTaskQueue: TaskQueue = { size: 0, front: [], head: 0, back: undefined };

export function toTaskQueue(tasks: readonly RunTask[]): TaskQueue {
  return tasks.length === 0 ? emptyTaskQueue : { size: tasks.length, front: tasks, head: 0, back: undefined };
}

/** The queue with one more task at its end. */
export function joinQueue(queue: TaskQueue, task: RunTask): TaskQueue {
  return { size: queue.size + 1, front: queue.front, head: queue.head, back: { task, before: queue.back } };
}

export function firstTask(queue: TaskQueue): RunTask | undefined {
  return queue.head < queue.front.length ? queue.front[queue.head] : oldest(queue.back);
}

/** The first task of the chain that began with the task `rootId`. */
export function firstTaskOfChain(queue: TaskQueue, rootId: string): RunTask | undefined {
  const first = firstTask(queue);
  return first?.rootId === rootId ? first : tasksOf(queue).find((task) => task.rootId === rootId);
}

/** The queue without that task; the same queue when it is not in it. */
export function leaveQueue(queue: TaskQueue, task: RunTask): TaskQueue {
  if (queue.head < queue.front.length && queue.front[queue.head] === task) {
    return queue.size === 1 ? emptyTaskQueue : { ...queue, size: queue.size - 1, head: queue.head + 1 };
  }
  const tasks = tasksOf(queue);
  const index = tasks.indexOf(task);
  if (index === 0) return queue.size === 1 ? emptyTaskQueue : { size: queue.size - 1, front: tasks, head: 1, back: undefined };
  return index < 0 ? queue : toTaskQueue(tasks.toSpliced(index, 1));
}

/** All tasks, in order. */
export function tasksOf(queue: TaskQueue): readonly RunTask[] {
  if (queue.head === 0 && queue.back === undefined) return queue.front;
  const tasks = new Array<RunTask>(queue.size);
  let index = queue.size;
  for (let link = queue.back; link !== undefined; link = link.before) tasks[--index] = link.task;
  for (let from = queue.front.length; from > queue.head; ) tasks[--index] = queue.front[--from] as RunTask;
  return tasks;
}

function oldest(link: Link | undefined): RunTask | undefined {
  let last = link;
  while (last?.before !== undefined) last = last.before;
  return last?.task;
}
