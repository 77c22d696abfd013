import { Global, Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { shareWithPrimary } from './cluster-metrics.js';
import { MetricsController } from './metrics.controller.js';

/** One registry an app: tests run several apps in one process. */
@Global()
@Module({
  controllers: [MetricsController],
  providers: [
    {
      provide: Registry,
      useFactory: () => {
        const registry = new Registry();
        collectDefaultMetrics({ register: registry });
        shareWithPrimary(registry);
        return registry;
      },
    },
  ],
  exports: [Registry],
})
export class MetricsModule {}
