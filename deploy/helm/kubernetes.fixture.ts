import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installTool } from '../../scripts/tools/install.ts'
import { type Manifest, root } from './render.fixture.ts'

type Validate = ((value: unknown) => boolean) & {
  errors?: { instancePath: string; message?: string; keyword: string }[]
}

/**
 * A view of a value that notes which properties are read. The compiled validators of kubernetes-models read each property
 * that a schema has, and no others: one that was never read is one that Kubernetes does not know.
 */
const observe = (value: unknown, path: string, read: Set<string>): unknown => {
  if (typeof value !== 'object' || value === null) return value
  return new Proxy(value, {
    get: (target, key) => {
      const found = Reflect.get(target, key)
      if (typeof key !== 'string' || typeof found === 'function') return found
      const inner = `${path}/${key}`
      read.add(inner)
      return observe(found, inner, read)
    },
  })
}

const pathsOf = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => [`${path}/${key}`, ...pathsOf(inner, `${path}/${key}`)])
    : []

const capitalize = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** Name of a schema in its package: io.k8s.api.networking.v1.Ingress is IoK8sApiNetworkingV1Ingress. */
const schemaOf = ({ apiVersion, kind }: Manifest) => {
  const [version, group = 'core'] = apiVersion.split('/').toReversed()
  if (group === 'monitoring.coreos.com')
    return {
      name: `@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring${capitalize(version)}${kind}.js`,
    }
  return {
    name: `kubernetes-models/_schemas/IoK8sApi${capitalize(group.split('.', 1)[0])}${capitalize(version)}${kind}.js`,
  }
}

/** Installs the schemas. @returns a function that gives the errors of an object of Kubernetes, unknown fields included */
export const createValidator = async (): Promise<(manifest: Manifest) => Promise<string[]>> => {
  const modules = join(await installTool(root, 'kubernetes'), 'node_modules')
  return async (manifest) => {
    const { validate } = (await import(pathToFileURL(join(modules, schemaOf(manifest).name)).href)) as {
      validate: Validate
    }
    const read = new Set<string>()
    const isValid = validate(observe(manifest, '', read))
    const errors = isValid
      ? []
      : (validate.errors ?? []).map(({ instancePath, message, keyword }) => `${instancePath} ${message ?? keyword}`)
    return [
      ...errors,
      ...pathsOf(manifest)
        .filter((path) => !read.has(path))
        .map((path) => `${path} is unknown`),
    ]
  }
}
