"""Fields of Examples/Clusters: those that there are, of the types that they have.

    python3 .ci/clusters.py FOLDER HELP LAUNCHER

HELP is what `siglip train --help` prints; LAUNCHER becomes the script of the launcher's pod.
"""

import pathlib
import re
import sys

import pydantic
import yaml
from kubernetes import client

# pkg/apis/kubeflow/v2beta1/types.go of kubeflow/mpi-operator; pods are what Kubernetes says.
ROLES = ("Launcher", "Worker")
JOB = {
    "apiVersion": {"kubeflow.org/v2beta1"}, "kind": {"MPIJob"}, "metadata": client.V1ObjectMeta,
    "spec": {
        "slotsPerWorker": int, "sshAuthMountPath": str, "launcherCreationPolicy": {"AtStartup", "WaitForWorkersReady"},
        "mpiImplementation": {"OpenMPI", "Intel", "MPICH"},
        "runPolicy": {
            "cleanPodPolicy": {"None", "Running", "All"}, "ttlSecondsAfterFinished": int, "activeDeadlineSeconds": int,
            "backoffLimit": int, "suspend": bool,
        },
        "mpiReplicaSpecs": {
            role: {"replicas": int, "restartPolicy": {"Never", "OnFailure"}, "template": client.V1PodTemplateSpec}
            for role in ROLES
        },
    },
}


def check(value, kind, place):
    """Ends the program unless a value is of a kind: one of some names, a mapping of kinds, a model or a type."""
    if isinstance(kind, set):
        if value not in kind:
            sys.exit(f"{place}: {value!r}, expected one of {sorted(kind)}")
    elif isinstance(kind, dict):
        check(value, dict, place)
        for key, part in value.items():
            if key not in kind:
                sys.exit(f"{place}: there is no {key}, but {', '.join(kind)}")
            check(part, kind[key], f"{place}.{key}")
    elif issubclass(kind, pydantic.BaseModel):
        try:
            kind.model_validate(value)
        except pydantic.ValidationError as error:
            problem = error.errors()[0]
            sys.exit(f"{place}.{'.'.join(map(str, problem['loc']))}: {problem['msg']}")
    elif type(value) is not kind:
        sys.exit(f"{place}: {value!r}, expected {kind.__name__}")


folder, help_path, launcher_path = map(pathlib.Path, sys.argv[1:])
job = yaml.safe_load((folder / "mpijob.yaml").read_text())
check(job, JOB, "mpijob.yaml")
if set(job["spec"]["mpiReplicaSpecs"]) != set(ROLES):
    sys.exit("mpijob.yaml: a launcher and workers are expected")
for role, replica in job["spec"]["mpiReplicaSpecs"].items():
    pod = replica["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        if not mounted <= volumes:
            sys.exit(f"mpijob.yaml: {role} mounts {mounted - volumes}, which it has not")

launcher = job["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"][0]["command"][-1]
launcher_path.write_text(launcher)
ranks = int(re.search(r"-np (\d+)", launcher)[1])
workers = job["spec"]["mpiReplicaSpecs"]["Worker"]
if ranks != workers["replicas"] * job["spec"]["slotsPerWorker"]:
    sys.exit(f"mpijob.yaml: {ranks} ranks in places for {workers['replicas']} x {job['spec']['slotsPerWorker']}")
threads = re.search(r"--threads (\d+)", launcher)[1]
cpus = workers["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
if threads != cpus:
    sys.exit(f"mpijob.yaml: {threads} threads on {cpus} CPUs")

# Options behind `siglip train`, wherever it is called.
known = set(re.findall(r"--[a-z-]+", help_path.read_text()))
for name in ("slurm.sbatch", "mpijob.yaml", "README.md"):
    for command in re.findall(r"siglip train ((?:--[^`\n]*(?:\\\n)?)+)", (folder / name).read_text()):
        for option in re.findall(r"(?<![\w-])--[a-z-]+", command):
            if option not in known:
                sys.exit(f"{name}: siglip train has no {option}")

for line in (folder / "hostfile").read_text().splitlines():
    if not re.fullmatch(r"#.*|[\w.-]+ slots=[1-9]\d*", line):
        sys.exit(f"hostfile: {line!r} is no machine")
