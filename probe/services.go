package probe

import "slices"

// services is the table of programs whose readiness is asked over HTTP: NAME://host, and NAME+https://host over TLS.
// The paths and answers are those of each program's documentation.
func services() []service {
	return slices.Concat(dataServices(), modelServices(), vectorServices(), clusterServices())
}

// dataServices are databases and search engines.
func dataServices() []service {
	return []service{
		{
			// https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health
			name: "elasticsearch", port: "9200", key: clusterHealth(elasticHealth),
			health: yellow(elasticHealth), login: yellow(elasticHealth),
		},
		{
			// https://docs.opensearch.org/latest/api-reference/cluster-api/cluster-health/
			name: "opensearch", port: "9200", key: clusterHealth("/_cluster/health"),
			health: yellow("/_cluster/health"), login: yellow("/_cluster/health"),
		},
		{
			// https://clickhouse.com/docs/interfaces/http
			name: "clickhouse", port: "8123", ports: map[string]string{"clickhouse+https": "8443"}, database: true,
			health: question{path: "/ping", body: "Ok."},
			login:  question{path: "/?query=SELECT%201", body: "1", status: map[int]string{404: "the database does not exist (yet)"}},
		},
		{
			// https://docs.influxdata.com/influxdb/v2/api/#operation/GetPing: versions 1 before 1.8 have no /health
			name: "influxdb", port: "8086", health: question{path: "/ping"},
		},
	}
}

// modelServices are servers of models, which may answer before a model is loaded.
func modelServices() []service {
	return []service{
		{
			// https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
			name: "vllm", port: "8000", bearer: true, key: modelKey(question{path: "/v1/models", json: ".data[*].id=={}"}),
			health: question{path: "/health"}, login: question{path: "/v1/models"},
		},
		{
			// https://huggingface.github.io/text-generation-inference/
			name: "tgi", port: "80", ports: map[string]string{"tgi+https": "443"}, bearer: true,
			key:    modelKey(question{path: "/info", json: ".model_id=={}"}),
			health: question{path: "/health"},
		},
		{
			// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
			name: "triton", port: "8000", bearer: true,
			key:    modelKey(question{path: "/v2/models/{}/ready", status: map[int]string{400: modelUnmet, 404: modelUnmet, 503: modelUnmet}}),
			health: question{path: "/v2/health/ready"},
		},
		{
			// https://github.com/ollama/ollama/blob/main/docs/api.md
			name: "ollama", port: "11434", bearer: true,
			key:    ollamaModel(),
			health: question{path: "/api/version", json: `.version!=""`},
		},
		{
			// https://platform.openai.com/docs/api-reference/models/list
			name: "openai", port: "443", ports: map[string]string{"openai+http": "80"}, https: true, base: "/v1", bearer: true,
			key:    modelKey(question{path: "/models", json: ".data[*].id=={}"}),
			health: question{path: "/models"}, login: question{path: "/models"},
		},
	}
}

// vectorServices are vector databases.
func vectorServices() []service {
	return []service{
		{
			// https://qdrant.tech/documentation/guides/monitoring/#kubernetes-health-endpoints
			name: "qdrant", port: "6333", bearer: true,
			health: question{path: "/readyz"}, login: question{path: "/collections"},
		},
		{
			// https://docs.weaviate.io/deploy/configuration/status
			name: "weaviate", port: "8080", bearer: true,
			health: question{path: "/v1/.well-known/ready"}, login: question{path: "/v1/meta"},
		},
		{
			// https://github.com/milvus-io/milvus/blob/master/internal/http/router.go: of the port of the metrics
			name: "milvus", port: "9091", health: question{path: "/healthz"},
		},
		{
			// https://docs.trychroma.com/reference/server-api
			name: "chroma", port: "8000", bearer: true,
			health: question{path: "/api/v2/heartbeat", json: `["nanosecond heartbeat"]>=1`},
		},
	}
}

// clusterServices are those that other servers rely on.
func clusterServices() []service {
	return []service{
		{
			// https://etcd.io/docs/latest/op-guide/monitoring/#health-check
			name: "etcd", port: "2379",
			health: question{path: "/health", json: ".health==true", unmet: etcdUnmet, status: map[int]string{503: etcdUnmet}},
		},
		{
			// https://developer.hashicorp.com/vault/api-docs/system/health
			name: "vault", port: "8200", key: vaultActive(),
			health: question{path: "/v1/sys/health?standbyok=true&perfstandbyok=true", status: vaultStatus()},
		},
		{
			// https://developer.hashicorp.com/consul/api-docs/status
			name: "consul", port: "8500", ports: map[string]string{"consul+https": "8501"},
			health: question{path: "/v1/status/leader", json: `.!=""`, unmet: "the cluster has no leader"},
		},
	}
}

// elasticHealth is answered within a second where the cluster has no master.
const elasticHealth = "/_cluster/health?master_timeout=1s"

const etcdUnmet = "the member is not healthy, or its cluster has no leader"

// yellow is met by a cluster all of whose primary shards are assigned.
func yellow(path string) question {
	return question{path: path, json: ".status!=red", unmet: "the health of the cluster is red: a primary shard is not assigned"}
}

func clusterHealth(path string) *serviceKey {
	green := question{path: path, json: ".status==green", unmet: "the health of the cluster is not green: a shard or a replica is not assigned"}
	return &serviceKey{
		name: "health", usage: "least health of the cluster: yellow (default), or green, which a single node with replicas never is",
		asks: map[string]question{"yellow": yellow(path), "green": green},
	}
}

const modelUnmet = "the model is not loaded, or not served by this name"

// modelKey asks for a model, whose name stands for {} in the question.
func modelKey(q question) *serviceKey {
	q.unmet = modelUnmet
	return &serviceKey{
		name: "model", usage: "ready when this model is served (ollama: downloaded)", asks: map[string]question{"": q},
	}
}

// ollamaModel asks for a model as `ollama pull` knows it: without a tag, the name means the latest.
func ollamaModel() *serviceKey {
	k := modelKey(question{path: "/api/tags", json: ".models[*].name=={}"})
	k.tag = ":latest"
	return k
}

func vaultStatus() map[int]string {
	return map[int]string{
		429: "in standby", 472: "a secondary for disaster recovery, which serves no clients", 473: "in standby for reads",
		501: "not initialized", 503: "sealed", 530: "removed from the cluster",
	}
}

func vaultActive() *serviceKey {
	return &serviceKey{
		name: "active", flag: true, usage: "ready when the server is the active one, not in standby",
		asks: map[string]question{"true": {path: "/v1/sys/health", status: vaultStatus()}},
	}
}
