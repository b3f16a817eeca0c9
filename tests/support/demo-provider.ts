import type { DemoProvider } from '@rekey/demo-provider/app'
import type { Teardown } from './infrastructure.ts'

/** Starts the demo provider in this process. Loaded when it is needed: few tests are about staff in a browser. */
export const startDemoProvider = async (
  t: Teardown,
  client: { clientId: string; redirectUri: string; audience: string },
): Promise<DemoProvider> => {
  const { createDemoProvider } = await import('@rekey/demo-provider/app')
  const provider = await createDemoProvider({ host: '127.0.0.1', port: 0, ...client })
  t.teardown(() => provider.close())
  return provider
}
