import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import {
  chart,
  full,
  helmTemplate,
  type Manifest,
  minimal,
  ofKind,
  podsOf,
  render,
  root,
  skip,
  type Values,
} from './render.fixture.ts'

const services = ['auth-gateway', 'password-service', 'notifier']
const renderings = {
  minimal: render(minimal()),
  full: render(full()),
  'minimal with tls': render({ ...minimal(), transport: 'tls' }),
  'without what can be left out': render({
    ...minimal(),
    networkPolicy: { enabled: false },
    jobs: { migrate: { enabled: false }, streams: { enabled: false } },
  }),
}
const all = Object.values(renderings).flat()
const pods = podsOf(all)

const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`

t.test(
  'S37: a pod runs without root, capabilities, a writable root and a token, as the restricted level requires',
  { skip },
  async (t) => {
    t.equal(new Set(pods.map(({ name }) => name)).size, 6)
    for (const { name, spec, container } of pods) {
      t.match(
        spec,
        {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            fsGroup: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
        name,
      )
      t.same(
        container.securityContext,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        name,
      )
      t.equal(spec.containers.length, 1)
      for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) t.notOk(key in spec, key)
      for (const { hostPort } of container.ports ?? []) t.notOk(hostPort)
      for (const { name: _, ...source } of spec.volumes) t.match(Object.keys(source), [/^(secret|configMap|emptyDir)$/])
    }
  },
)

t.test('a container has requests, a limit of memory, and an image with a version', { skip }, async (t) => {
  for (const { name, container } of pods) {
    const { requests, limits } = container.resources
    t.ok(requests.cpu && requests.memory && limits.memory, name)
    t.match(container.image, /^[a-z0-9.:]+\/rekey\/[a-z-]+(:\d[\w.-]*|@sha256:[0-9a-f]{64})$/)
    t.notMatch(container.image, /:latest$/)
  }
})

t.test('a memory limit holds the old space of V8 and as much again', { skip }, async (t) => {
  for (const { name, container } of pods.filter(({ name }) => services.includes(name))) {
    const [, mebibytes] =
      /--max-old-space-size=(\d+)/.exec(readFileSync(join(root, 'services', name, 'node-arguments'), 'utf8')) ?? []
    const limit = container.resources.limits.memory
    const limitMebibytes = Number.parseInt(limit, 10) * (limit.endsWith('Gi') ? 1_024 : 1)
    t.ok(limitMebibytes >= Number(mebibytes) + 256, `${name}: ${limit}`)
  }
})

t.test(
  'a service is probed at its port, by the scheme it speaks, and an image exposes that port',
  { skip },
  async (t) => {
    const exposed = /^EXPOSE (\d+)$/m.exec(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8'))?.[1]
    for (const { name, container, env } of pods.filter(({ name }) => services.includes(name))) {
      const ports = Object.fromEntries(container.ports.map((port: Manifest) => [port.name, String(port.containerPort)]))
      t.same(ports, { http: env.PORT, metrics: env.REKEY_METRICS_PORT }, name)
      t.equal(env.PORT, exposed)
      const scheme = env.REKEY_TLS_CERT ? 'HTTPS' : 'HTTP'
      t.match(container.startupProbe.httpGet, { path: '/healthz', port: 'http', scheme })
      t.match(container.livenessProbe.httpGet, { path: '/healthz', port: 'http', scheme })
      t.match(container.readinessProbe, { httpGet: { path: '/readyz', port: 'http', scheme }, periodSeconds: 1 })
    }
  },
)

t.test('every Service, budget, policy and autoscaler finds its pods', { skip }, async (t) => {
  for (const manifests of Object.values(renderings)) {
    const templates = ofKind(manifests, 'Deployment', 'Job').map(({ spec }) => spec.template)
    const finds = (selector: Record<string, string>) =>
      templates.filter(({ metadata }) =>
        Object.entries(selector).every(([key, value]) => metadata.labels[key] === value),
      ).length
    for (const { kind, metadata, spec } of ofKind(manifests, 'Service', 'PodDisruptionBudget', 'NetworkPolicy')) {
      const selector = kind === 'Service' ? spec.selector : (spec.selector ?? spec.podSelector).matchLabels
      t.equal(finds(selector), 1, `${kind} ${metadata.name}`)
    }
    const deployments = ofKind(manifests, 'Deployment').map(({ metadata }) => metadata.name)
    for (const { spec } of ofKind(manifests, 'HorizontalPodAutoscaler'))
      t.ok(deployments.includes(spec.scaleTargetRef.name))
    for (const { spec } of ofKind(manifests, 'Deployment'))
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? [])
        t.equal(finds(labelSelector.matchLabels), 1)
  }
})

t.test('a number of pods is set by the Deployment or by the autoscaler, never by both', { skip }, async (t) => {
  for (const manifests of Object.values(renderings)) {
    const scaled = ofKind(manifests, 'HorizontalPodAutoscaler').map(({ spec }) => spec.scaleTargetRef.name)
    for (const { metadata, spec } of ofKind(manifests, 'Deployment')) {
      t.equal('replicas' in spec, !scaled.includes(metadata.name), metadata.name)
    }
  }
})

t.test(
  'a pod has the time to drain, to close and to export its last traces, for each drainSeconds',
  { skip },
  async (t) => {
    for (const drainSeconds of [3, 5, 17, 60]) {
      const rendered = podsOf(render({ ...minimal(), drainSeconds })).filter(({ name }) => services.includes(name))
      for (const { name, spec, env, manifest } of rendered) {
        t.equal(env.REKEY_DRAIN_SECONDS, String(drainSeconds))
        // The times of runService: 8 s to close, and as long as the drain for traces.
        t.ok(spec.terminationGracePeriodSeconds >= drainSeconds + 8 + drainSeconds, name)
        t.same(manifest.spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 })
      }
    }
  },
)

t.test(
  'before an installation and an upgrade the migration runs, then the streams, with what they need',
  { skip },
  async (t) => {
    const hooks = renderings.minimal.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'])
    for (const { metadata } of hooks) {
      t.equal(metadata.annotations['helm.sh/hook'], 'pre-install,pre-upgrade')
      t.equal(metadata.annotations['helm.sh/hook-delete-policy'], 'before-hook-creation')
    }
    const ordered = hooks.toSorted(
      (a, b) =>
        Number(a.metadata.annotations['helm.sh/hook-weight']) - Number(b.metadata.annotations['helm.sh/hook-weight']),
    )
    t.same(ordered.slice(0, 4).map(nameOf).toSorted(), [
      'NetworkPolicy rekey-migrate',
      'NetworkPolicy rekey-streams',
      'ServiceAccount rekey-migrate',
      'ServiceAccount rekey-streams',
    ])
    t.same(ordered.slice(4).map(nameOf), ['Job rekey-migrate', 'Job rekey-streams'])
    const commands = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts
    for (const { container } of podsOf(hooks)) t.ok(commands[container.command[2]], container.command.join(' '))
  },
)

t.test(
  'alerts and dashboards are those of the repository, and jobs have the names that the rules use',
  { skip },
  async (t) => {
    const [rule] = ofKind(renderings.full, 'PrometheusRule')
    t.same(rule.spec, parse(readFileSync(join(root, 'deploy/prometheus/rules.yml'), 'utf8')))
    const dashboards = ofKind(renderings.full, 'ConfigMap').filter(({ metadata }) => metadata.labels.grafana_dashboard)
    t.equal(dashboards.length, 5)
    for (const { data } of dashboards)
      for (const [name, text] of Object.entries(data))
        t.equal(text, readFileSync(join(root, 'deploy/grafana', name.replace('rekey-', '')), 'utf8'))
    const [monitor] = ofKind(renderings.full, 'ServiceMonitor')
    const scraped = ofKind(renderings.full, 'Service').filter(({ metadata }) =>
      Object.entries(monitor.spec.selector.matchLabels).every(([key, value]) => metadata.labels[key] === value),
    )
    t.same(scraped.map(({ metadata }) => metadata.labels[monitor.spec.jobLabel]).toSorted(), services.toSorted())
  },
)

t.test('a release of any name has names that Kubernetes accepts', { skip }, async (t) => {
  const letters = fc.constantFrom(...'abcxyz019-')
  const names = fc
    .string({ unit: letters, minLength: 1, maxLength: 53 })
    .filter((name) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
  const samples = ['rekey', 'a', 'x'.repeat(53), `rekey-${'y'.repeat(47)}`, ...fc.sample(names, 4)]
  for (const name of samples) {
    const { text } = helmTemplate(full(), name)
    const found = [...text.matchAll(/^ {2}name: (\S+)$/gm)].map(([, found = '']) => found)
    t.ok(found.length > 20)
    for (const one of found) t.match(one, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, name)
  }
})

t.test('the chart has the version of the product', { skip }, async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const file = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Values
  t.match(file, { version, appVersion: version })
})
