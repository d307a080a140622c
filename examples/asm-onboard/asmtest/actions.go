package asmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type object = map[string]any

func (s *Server) detail(Call) (any, *failure) {
	ids := []string{}
	for _, c := range s.clusters {
		if c.in {
			ids = append(ids, c.ID)
		}
	}
	info := object{
		"ServiceMeshId": s.options.Mesh, "Name": "mesh", "RegionId": "cn-hangzhou", "Profile": "Pro",
		"State": or(s.options.State, "running"), "Version": or(s.options.Version, "v1.24.6.64-g00000000-aliyun"),
	}
	endpoints := object{"PublicApiServerEndpoint": s.options.Config.Server}
	return object{"RequestId": requestID(), "ServiceMesh": object{"ServiceMeshInfo": info, "Clusters": ids, "Endpoints": endpoints}}, nil
}

func (s *Server) candidates(c Call) (any, *failure) {
	limit, _ := strconv.Atoi(c.Body["Limit"])
	offset, _ := strconv.Atoi(c.Body["Offset"])
	all := []object{}
	for _, c := range s.clusters {
		if !c.Unknown {
			all = append(all, object{
				"ClusterId": c.ID, "Name": "name of " + c.ID, "State": or(c.State, "running"), "VpcId": "vpc-" + c.ID,
				"ForbiddenFlag": c.Flag, "ForbiddenInfo": c.Info,
			})
		}
	}
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	return object{"RequestId": requestID(), "Clusters": page, "NumberOfClusters": len(all)}, nil
}

func (s *Server) members(Call) (any, *failure) {
	all := []object{}
	for _, c := range s.clusters {
		if !c.in {
			continue
		}
		c.looks++
		state := "running"
		switch {
		case c.looks <= c.Hidden:
			continue
		case c.Stuck, c.looks <= c.Hidden+c.Joining:
			state = "starting"
		}
		all = append(all, object{"ClusterId": c.ID, "State": state, "ErrorMessage": c.Message, "ClusterType": "ManagedKubernetes", "ClusterDomain": "cluster.local"})
	}
	return object{"RequestId": requestID(), "Clusters": all}, nil
}

func (s *Server) add(call Call) (any, *failure) {
	c := s.cluster(call.Body["ClusterId"])
	if c == nil {
		return nil, &failure{http.StatusNotFound, "Invented.ClusterNotFound", "there is no such cluster"}
	}
	c.adds++
	switch {
	case c.in:
		return nil, &failure{http.StatusBadRequest, "Invented.ClusterInMesh", "the cluster was added before"}
	case c.Flag != 0 && (c.Flag != 4 || call.Body["IgnoreNamespaceCheck"] != "true"):
		return nil, &failure{http.StatusBadRequest, "Invented.ClusterForbidden", fmt.Sprintf("ForbiddenFlag of the cluster is %d", c.Flag)}
	}
	c.in, c.looks = true, 0
	return object{"RequestId": requestID(), "Code": "200", "Message": "Success"}, nil
}

func (s *Server) readNetworks(Call) (any, *failure) {
	return object{"RequestId": requestID(), "MultiClusterNetworks": s.networks}, nil
}

func (s *Server) writeNetworks(call Call) (any, *failure) {
	given := map[string]any{}
	if err := json.Unmarshal([]byte(call.Body["MultiClusterNetworks"]), &given); err != nil {
		return nil, &failure{http.StatusBadRequest, "Invented.InvalidNetworks", "MultiClusterNetworks is not the JSON of a map"}
	}
	s.networks = given // what is left out is gone: the worse of two readings of the documentation
	return object{"RequestId": requestID()}, nil
}

func (s *Server) meshKubeconfig(Call) (any, *failure) {
	text := s.kubeconfig(*s.options.Config)
	return object{"RequestId": requestID(), "Kubeconfig": text, "ExpireTime": s.options.Now().UTC().AddDate(3, 0, 0).Format(time.DateTime)}, nil
}

func (s *Server) userKubeconfig(call Call) (any, *failure) {
	c := s.cluster(call.Query["cluster"])
	if c == nil || c.Unknown {
		return nil, &failure{http.StatusNotFound, "Invented.ErrorClusterNotFound", "there is no such cluster"}
	}
	minutes, err := strconv.Atoi(call.Query["TemporaryDurationMinutes"])
	if err != nil || minutes < 15 || minutes > 4320 {
		return nil, &failure{http.StatusBadRequest, "Invented.InvalidDuration", "TemporaryDurationMinutes must be 15 to 4320"}
	}
	ends := s.options.Now().Add(time.Duration(minutes) * time.Minute)
	if c.issued++; c.issued <= c.Expired {
		ends = s.options.Now().Add(-time.Minute)
	}
	return object{"config": s.kubeconfig(c.Access), "expiration": ends.UTC().Format(time.RFC3339)}, nil
}

// or is the first that is not empty.
func or(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
