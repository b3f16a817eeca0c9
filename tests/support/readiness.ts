/** True if the service answers and every store and broker that it needs is available to it. */
export const hasAllParts = async (url: string): Promise<boolean> => {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
  const { checks = {} } = (await response.json()) as { checks?: Record<string, string> }
  return response.ok && Object.values(checks).every((check) => check === 'ok')
}
