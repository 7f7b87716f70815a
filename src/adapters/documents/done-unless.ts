/** Whether work was done: false when it was refused in the one way that the caller reckons with; what else goes wrong is thrown. */
export async function doneUnless(isRefusal: (error: unknown) => boolean, work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}
