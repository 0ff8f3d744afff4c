// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Ledger} from "../src/Ledger.sol";

/// What a vote by signature costs, each call as a transaction of its own, by members who never voted and each have votes of
/// their own: `forge test --match-contract VotesGasTest -vv`.
/// forge-config: default.isolate = true
contract VotesGasTest is GrantsFixture {
    uint256 private proposal;
    uint256[] private voters;

    function setUp() public override {
        super.setUp();
        voters = sortedKeys("voter", 70);
        uint256[] memory amounts = new uint256[](voters.length);
        for (uint256 i = 0; i < voters.length; i++) {
            amounts[i] = 1e18;
        }
        Ledger.Claim[] memory claims = claimsOf(addressesOf(voters), amounts);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        skip(1);
        proposal = propose(approvalOf(ask(termsOf("gas"))), stranger);
        skip(2);
        // The first vote of all begins the count, which is not what a vote costs. The quorum is not reached: each looks for it.
        vote(proposal, 3, FOR);
    }

    function alone(uint256 i) private returns (uint256) {
        bytes memory s = ballot(voters[i], proposal, FOR, ballotNonce(proposal));
        governor.castVoteBySig(proposal, FOR, vm.addr(voters[i]), s);
        return vm.lastCallGas().gasTotalUsed;
    }

    function together(uint256 first, uint256 count) private returns (uint256 each) {
        AssetGovernor.SignedBallot[] memory ballots = new AssetGovernor.SignedBallot[](count);
        for (uint256 i = 0; i < count; i++) {
            ballots[i] = signedBallot(voters[first + i], proposal, FOR);
        }
        vm.assertEq(governor.castVotesBySig(proposal, ballots), count, "all count");
        each = vm.lastCallGas().gasTotalUsed / count;
        emit log_named_uint("ballots at once", count);
        emit log_named_uint("  castVotesBySig, gas a ballot", each);
    }

    function test_FiftyAtOnceCostAtLeastFortyPercentLessEachThanAlone() public {
        uint256 single = alone(0);
        emit log_named_uint("castVoteBySig, gas", single);
        together(1, 1);
        together(2, 10);
        vm.assertLe(together(12, 50) * 100, single * 60, "gas a ballot against alone");
    }
}
