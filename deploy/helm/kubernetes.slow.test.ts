import t from 'tap'
import { createValidator } from './kubernetes.fixture.ts'
import { full, type Manifest, minimal, ofKind, render, skip } from './render.fixture.ts'

const renderings = { minimal: render(minimal()), full: render(full()) }
const all = Object.values(renderings).flat()
const validate = await createValidator()

const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`

t.test('every object is what the schemas of Kubernetes and of the Prometheus operator require', { skip }, async (t) => {
  const kinds = new Set(renderings.full.map(({ kind }) => kind))
  t.match([...kinds].toSorted(), [
    'ConfigMap',
    'Deployment',
    'HorizontalPodAutoscaler',
    'Ingress',
    'Job',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'PrometheusRule',
    'Service',
    'ServiceAccount',
    'ServiceMonitor',
  ])
  for (const manifest of all) t.same(await validate(manifest), [], nameOf(manifest))
})

/** Paths of all properties. */
const placesIn = (value: unknown, path: (string | number)[] = []): (string | number)[][] => {
  if (Array.isArray(value)) return value.flatMap((inner, index) => placesIn(inner, [...path, index]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...placesIn(inner, [...path, key])])
}
/** Their keys are free: labels, selectors, annotations, data, variables of rules. */
const hasFreeKeys = (path: (string | number)[]) =>
  path
    .slice(0, -1)
    .some((key) => /^(labels|matchLabels|annotations|nodeSelector|data|selector|requests|limits)$/.test(String(key)))

t.test('a misspelt field of any object is noticed', { skip }, async (t) => {
  const deployment = renderings.full.find(({ kind }) => kind === 'Deployment')
  const objects = [deployment, ...ofKind(renderings.full, 'Ingress', 'ServiceMonitor', 'HorizontalPodAutoscaler')]
  const places = objects.flatMap((manifest) =>
    placesIn(manifest)
      .filter((path) => !hasFreeKeys(path) && !['apiVersion', 'kind'].includes(String(path[0])))
      .map((path) => ({ manifest, path })),
  )
  t.ok(places.length > 200)
  for (const { manifest, path } of places) {
    const changed = structuredClone(manifest)
    const parent = path.slice(0, -1).reduce((value, key) => value[key], changed)
    const key = String(path.at(-1))
    parent[`${key}s`] = parent[key]
    delete parent[key]
    const errors = await validate(changed)
    if (errors.length === 0) t.fail(path.join('.'))
  }
})
