import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspNode } from './ocsp-node.service.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { PresignScheduler } from './presign-scheduler.js';

/** Has a responder replaced as soon as this process hears that its certificate was revoked. */
@Injectable()
export class RevokedResponderWatch implements OnModuleInit {
  constructor(
    private readonly node: OcspNode,
    private readonly responders: OcspRespondersService,
    private readonly presign: PresignScheduler,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.node.onResponderRevoked((issuerId) => {
      if (issuerId === null) this.responders.recheckAll();
      else void this.replace(issuerId);
    });
  }

  /** Nobody signs with it from here on. What it signed is signed anew when it is asked for, or by the schedule. */
  private async replace(issuerId: string): Promise<void> {
    this.responders.recheck(issuerId);
    try {
      await this.responders.get(issuerId);
    } catch (error) {
      this.logger.error({ err: error, issuerId }, 'a revoked OCSP responder could not be replaced');
    }
    this.presign.wake();
  }
}
