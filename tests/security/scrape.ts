/** A sample of a scrape. */
export interface Sample {
  /** Name of the registered metric: without the suffix of a histogram's samples. */
  name: string
  /** Name and labels as they are written. */
  sample: string
  labels: Record<string, string>
  value: number
}

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

const readLabels = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  labelPair.lastIndex = 0
  while (labelPair.lastIndex < text.length) {
    const [, name, value] = labelPair.exec(text) ?? []
    if (name === undefined || value === undefined) throw new Error(`malformed labels: ${text}`)
    if (name in labels) throw new Error(`the label ${name} is given more than once: ${text}`)
    labels[name] = value
  }
  return labels
}

/** Suffixes of the samples of each type (OpenMetrics 1.0 §5). */
const suffixes: Record<string, string[]> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/**
 * Reads Prometheus' text format 0.0.4 or OpenMetrics 1.0.
 *
 * @throws Error for a line that is neither, a sample that follows no metric with its name, or one that is given twice
 */
export const readScrape = (text: string): Sample[] => {
  const isOpen = text.endsWith('# EOF\n')
  const families = new Set<string>()
  const seen = new Set<string>()
  let family: { name: string; type: string } | undefined
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line === '# EOF' || line.startsWith('# HELP ')) continue
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ')
      if (families.has(name)) throw new Error(`the metric ${name} is given more than once`)
      families.add(name)
      family = { name, type }
      continue
    }
    const [, name = '', labels = '', value] = sampleLine.exec(line) ?? []
    if (!family || value === undefined) throw new Error(`malformed: ${line}`)
    const suffix = name.slice(family.name.length)
    const allowed = !isOpen && family.type === 'counter' ? [''] : (suffixes[family.type] ?? [])
    if (!name.startsWith(family.name) || !allowed.includes(suffix)) throw new Error(`${line} is not of ${family.name}`)
    const { le: _, ...own } = readLabels(labels)
    const sample = line.slice(0, line.lastIndexOf(' '))
    if (seen.has(sample)) throw new Error(`the sample ${sample} is given more than once`)
    seen.add(sample)
    const metric = isOpen && family.type === 'counter' ? `${family.name}_total` : family.name
    samples.push({ name: metric, sample, labels: own, value: Number(value) })
  }
  return samples
}
