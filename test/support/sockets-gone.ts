/** Resolves when this process has no TCP connection any more: clients that were closed let go of theirs a little later. */
export async function socketsGone(): Promise<void> {
  for (let looks = 0; process.getActiveResourcesInfo().includes("TCPSocketWrap"); looks++) {
    if (looks === 1_000) throw new Error("a TCP connection is left");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
