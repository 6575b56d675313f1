/*
 * What a status look-up answers, of the same shape and size as lowtide's: peers
 * are not spared bytes.
 */
export const result = {text: 'x'.repeat(245)};
const time = ms => ms ? new Date(ms).toISOString() : null;

export const document = job => ({jobId: job.id, api: 'job',
	status: job.status, progress: job.status === 'completed' ? 100 : 0,
	result: job.result, createdAt: time(job.created),
	startedAt: time(job.started), completedAt: time(job.completed),
	expiresAt: time(job.created + 86400000),
	deadlineAt: time(job.created + 3600000), attempt: job.attempt,
	requestId: job.id, statusUrl: `/jobs/${job.id}`,
	estimatedDuration: 5});

export const accepted = id => ({status: 'accepted', jobId: id,
	statusUrl: `/jobs/${id}`, cancelUrl: `/jobs/${id}/cancel`,
	requestId: id, estimatedDuration: 5,
	message: 'The request was accepted.'});
