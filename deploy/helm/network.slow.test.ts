import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { full, type Manifest, minimal, ofKind, podsOf, render, root, skip, type Values } from './render.fixture.ts'

/** Rows of "Who talks to whom" in docs/kubernetes.md: from, to. */
const documented = (): [string, string][] => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8')
  const [, section = ''] = page.split('## Who talks to whom')
  const rows = [
    ...(section.split('\n## ', 1)[0] ?? '').matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]*\|$/gm),
  ].slice(2)
  const list = (text = '') => text.split(',').map((name) => name.trim())
  return rows.flatMap(([, from, to]) =>
    list(from).flatMap((one) => list(to).map((other): [string, string] => [one, other])),
  )
}

interface Flow {
  from: string
  to: string
}

/** Parts outside the chart by the port that these values give them. */
const byPort: Record<string, string> = {
  5432: 'Postgres',
  6379: 'Redis',
  4222: 'NATS',
  4223: 'NATS',
  465: 'mail server',
  587: 'mail server',
  53: 'DNS',
  1443: 'SMS vendor',
  2443: 'identity provider',
  3443: 'leaked passwords',
  4318: 'OpenTelemetry collector',
}

/** Who reaches a port, from outside the chart. */
const fromByPort: Record<number, string> = { 9464: 'Prometheus', 2525: 'mail host' }

const componentOf = (peer: Manifest): string | undefined =>
  peer.podSelector?.matchLabels?.['app.kubernetes.io/component']

/** The flows that the policies allow, from the side of the pod that sends (egress) or receives (ingress). */
const flowsOf = (policies: Manifest[]): { egress: Flow[]; ingress: Flow[] } => {
  const own = (policy: Manifest) => policy.spec.podSelector.matchLabels['app.kubernetes.io/component']
  const egress = policies.flatMap((policy) =>
    policy.spec.egress.flatMap(({ to = [], ports }: Manifest) =>
      ports.map(({ port }: { port: number }) => ({
        from: own(policy),
        to: componentOf(to[0] ?? {}) ?? byPort[port] ?? String(port),
      })),
    ),
  )
  const ingress = policies.flatMap((policy) =>
    policy.spec.ingress.flatMap(({ from = [], ports }: Manifest) =>
      ports.map(({ port }: { port: number }) => ({
        from: componentOf(from[0] ?? {}) ?? fromByPort[port] ?? 'customers',
        to: own(policy),
      })),
    ),
  )
  return { egress, ingress }
}
const lines = (flows: Flow[]) => [...new Set(flows.map(({ from, to }) => `${from} -> ${to}`))].toSorted()

/** Every part that has an address of its own, each at another port. */
const everything = (): Values => {
  const values = full() as Record<string, Values>
  const provider = {
    REKEY_IDP_ISSUER: 'https://idp.bank.example:2443',
    REKEY_IDP_JWKS_URL: 'https://idp.bank.example:2443/jwks',
  }
  return {
    ...values,
    networkPolicy: { ...values.networkPolicy, extraIngress: [], extraEgress: [] },
    authGateway: { ...values.authGateway, env: { ...(values.authGateway?.env as Values), ...provider } },
    passwordService: {
      ...values.passwordService,
      env: {
        ...(values.passwordService?.env as Values),
        ...provider,
        REKEY_BREACH_URL: 'https://leaks.example:3443/range',
      },
    },
    notifier: { ...values.notifier, smsUrl: 'https://sms.bank.example:1443/send' },
  }
}

t.test('the policies allow the flows of docs/kubernetes.md and no others', { skip }, async (t) => {
  const manifests = render(everything())
  const { egress, ingress } = flowsOf(ofKind(manifests, 'NetworkPolicy'))
  const pods = podsOf(manifests).map(({ name }) => name)
  const table = documented().flatMap(([from, to]) =>
    (from === 'every pod' ? pods : [from]).map((one) => ({ from: one, to })),
  )
  t.same(lines(egress), lines(table.filter(({ from }) => pods.includes(from))))
  t.same(lines(ingress), lines(table.filter(({ to }) => pods.includes(to))))
})

t.test('each pod has a policy of its own for both directions, before it runs', { skip }, async (t) => {
  for (const manifests of [render(minimal()), render(everything())]) {
    const policies = ofKind(manifests, 'NetworkPolicy')
    for (const { name, manifest } of podsOf(manifests)) {
      const own = policies.filter(({ spec }) => spec.podSelector.matchLabels['app.kubernetes.io/component'] === name)
      t.equal(own.length, 1, name)
      t.same(own[0].spec.policyTypes, ['Ingress', 'Egress'])
      t.equal(
        own[0].metadata.annotations?.['helm.sh/hook'],
        manifest.metadata.annotations?.['helm.sh/hook'],
        `${name}: the policy is a hook if the pod is one`,
      )
    }
  }
})

t.test('what is turned off is not allowed', { skip }, async (t) => {
  const { egress, ingress } = flowsOf(ofKind(render(minimal()), 'NetworkPolicy'))
  const allowed = [...lines(egress), ...lines(ingress)].join('\n')
  for (const part of [
    'SMS vendor',
    'identity provider',
    'leaked passwords',
    'OpenTelemetry collector',
    'Prometheus',
    'mail host',
    'tools',
  ])
    t.notMatch(allowed, part)
  t.same(ofKind(render({ ...minimal(), networkPolicy: { enabled: false } }), 'NetworkPolicy'), [])
})

t.test(
  'peers limit each flow to a server, and the port is that of the address, for any address',
  { skip },
  async (t) => {
    const peers = (name: string) => [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }]
    const port = fc.integer({ min: 1, max: 65_535 })
    fc.assert(
      fc.property(
        port,
        port,
        port,
        fc.constantFrom('', ':444', ':65535'),
        fc.constantFrom('a', 'a.b', '[2001:db8::1]'),
        (redis, postgres, nats, sms, host) => {
          const url = `https://${host}${sms}/send`
          const policies = ofKind(
            render({
              ...minimal(),
              nats: { url: `tls://a.data:${nats}`, to: peers('nats') },
              notifier: { ...(minimal().notifier as Values), smsUrl: url },
              networkPolicy: {
                redis: { to: peers('redis'), port: redis },
                postgres: { to: peers('postgres'), port: postgres },
                https: { to: peers('https') },
              },
            }),
            'NetworkPolicy',
          )
          const rules = policies.flatMap(({ spec }) => spec.egress)
          const portsTo = (name: string) => [
            ...new Set(
              rules
                .filter(({ to = [] }) => to[0]?.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] === name)
                .flatMap(({ ports }) => ports.map((one: { port: number }) => one.port)),
            ),
          ]
          t.same([portsTo('redis'), portsTo('postgres'), portsTo('nats')], [[redis], [postgres], [nats]])
          t.same(portsTo('https'), [Number(new URL(url).port || 443)], url)
        },
      ),
      { numRuns: 8 },
    )
  },
)
